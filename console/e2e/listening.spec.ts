// A supervisor at an operator's call, and recording by button, from the page.

import { Engine, SECRET } from "./engine";
import { expect, signIn, supervise, test } from "./test";

const SUPERVISOR = (phone: string) => `
[[supervisors]]
name = "9001"
secret = "${SECRET}"
contact = "sip:9001@${phone}:5060"
`;

test("a supervisor listens, whispers, barges in and leaves, by keyboard", async ({ page, place, browser }) => {
  const [phone, own] = [place.address(), place.address()];
  const engine = await Engine.start(place, { operators: { "1001": phone }, tables: SUPERVISOR(own) });
  engine.phone(phone);
  engine.phone(own);
  const desk = await (await browser.newContext()).newPage();
  await signIn(desk, engine, "1001");
  await desk.keyboard.press("r");
  engine.callers(1);
  await expect(desk.locator("#own-state")).toHaveText("Talking");

  await supervise(page, engine);
  await page.getByRole("button", { name: "1001" }).click();
  const listening = page.getByRole("group", { name: "Listen to this call" });
  for (const name of ["Listen", "Whisper", "Barge in"]) {
    const button = listening.getByRole("button", { name, exact: true });
    await button.focus();
    await page.keyboard.press("Enter");
    await expect(button).toHaveAttribute("aria-pressed", "true");
  }
  await listening.getByRole("button", { name: "Leave" }).click();
  await expect(listening.locator("[aria-pressed=true]")).toHaveCount(0);
  await expect(page.locator(".detail .outcome")).toHaveText("Done.");
});

test("a phone that is not there is said to be missing", async ({ page, place, browser }) => {
  const phone = place.address();
  const tables = `[[supervisors]]\nname = "9001"\nsecret = "${SECRET}"\n`;
  const engine = await Engine.start(place, { operators: { "1001": phone }, tables });
  engine.phone(phone);
  const desk = await (await browser.newContext()).newPage();
  await signIn(desk, engine, "1001");
  await desk.keyboard.press("r");
  engine.callers(1);
  await expect(desk.locator("#own-state")).toHaveText("Talking");
  await supervise(page, engine);
  await page.getByRole("button", { name: "1001" }).click();
  await page.getByRole("button", { name: "Listen", exact: true }).click();
  await expect(page.locator(".detail .outcome")).toContainText("That phone is not registered.");
});

test("an operator has the own call recorded, and no longer", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, {
    operators: { "1001": phone },
    queue: 'record = "on-demand"',
    tables: `[recording]\ndir = "${place.dir}/recordings"\nfree_min = "1B"\n`,
  });
  engine.phone(phone);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  engine.callers(1);
  await expect(page.locator("#own-state")).toHaveText("Talking");
  const button = page.locator("button.record");
  await button.click();
  await expect(button).toHaveText("Stop recording");
  await expect(button).toHaveAttribute("aria-pressed", "true");
  await button.click();
  await expect(button).toHaveText("Record");
});
