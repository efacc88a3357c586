// A supervisor at an operator's call, and recording by button, from the page: what shows is true whoever asked for it.

import type { Browser, Locator, Page } from "@playwright/test";
import { Engine, SECRET } from "./engine";
import type { Place } from "./place";
import { expect, signIn, supervise, test } from "./test";

const SUPERVISOR = (phone: string) => `
[[supervisors]]
name = "9001"
secret = "${SECRET}"
contact = "sip:9001@${phone}:5060"
`;

/** Operator 1001, on a page of their own, talks with a caller. */
async function talking(browser: Browser, engine: Engine): Promise<Page> {
  const desk = await (await browser.newContext()).newPage();
  await signIn(desk, engine, "1001");
  await desk.keyboard.press("r");
  engine.callers(1);
  await expect(desk.locator("#own-state")).toHaveText("Talking");
  return desk;
}

/** A supervisor's page that shows the operator's call. */
async function watching(page: Page, engine: Engine): Promise<Locator> {
  await supervise(page, engine);
  await page.getByRole("button", { name: "1001" }).click();
  return page.getByRole("group", { name: "Listen to this call" });
}

test("a supervisor listens, whispers, barges in and leaves, by keyboard", async ({ page, place, browser }) => {
  const [phone, own] = [place.address(), place.address()];
  const engine = await Engine.start(place, { operators: { "1001": phone }, tables: SUPERVISOR(own) });
  engine.phone(phone);
  engine.phone(own);
  await talking(browser, engine);
  const listening = await watching(page, engine);
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
  await talking(browser, engine);
  const listening = await watching(page, engine);
  await listening.getByRole("button", { name: "Listen", exact: true }).click();
  await expect(page.locator(".detail .outcome")).toContainText("That phone is not registered.");
});

test("who listens is shown to every supervisor, until the engine is killed", async ({ page, place, browser }) => {
  const [phone, own] = [place.address(), place.address()];
  const engine = await Engine.start(place, { operators: { "1001": phone }, tables: SUPERVISOR(own) });
  engine.phone(phone);
  engine.phone(own);
  const desk = await talking(browser, engine);
  const asking = await watching(page, engine);
  await asking.getByRole("button", { name: "Whisper" }).click();
  const other = await (await browser.newContext()).newPage();
  const seen = await watching(other, engine);
  const pressed = seen.locator("[aria-pressed=true]");
  await expect(pressed).toHaveText("Whisper");
  await expect(other.locator(".detail")).toContainText("Phone 9001 whispers to the operator");
  await asking.getByRole("button", { name: "Listen", exact: true }).click();
  await expect(pressed).toHaveText("Listen");
  await expect(desk.locator(".call"), "the operator is not told").not.toContainText("9001");

  await engine.kill();
  await engine.again();
  for (const each of [page, other]) {
    await each.evaluate(() => dispatchEvent(new Event("online")));
    await expect(each.getByRole("alert")).not.toContainText("Connection lost");
  }
  await expect(pressed).toHaveCount(0);
  await expect(asking.locator("[aria-pressed=true]")).toHaveCount(0);
});

const RECORDINGS = (place: Place) => `[recording]\ndir = "${place.dir}/recordings"\nfree_min = "1B"\n`;

test("a recording is shown to all whoever asked for it, and whoever ends it", async ({ page, place, browser }) => {
  const phone = place.address();
  const engine = await Engine.start(place, {
    operators: { "1001": phone },
    queue: 'record = "on-demand"',
    tables: RECORDINGS(place),
  });
  engine.phone(phone);
  const desk = await talking(browser, engine);
  await watching(page, engine);
  const [own, supervisors] = [desk.locator("button.record"), page.locator("button.record")];
  await own.click();
  for (const button of [own, supervisors]) {
    await expect(button).toHaveText("Stop recording");
    await expect(button).toHaveAttribute("aria-pressed", "true");
  }
  await expect(desk.locator(".call")).toContainText("This call is recorded");
  await supervisors.click();
  for (const button of [own, supervisors]) await expect(button).toHaveText("Record");
  await expect(desk.locator(".call")).not.toContainText("This call is recorded");
});

test("a call that is always recorded says so, after a restart too", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, {
    operators: { "1001": phone },
    queue: 'record = "all"',
    tables: RECORDINGS(place),
  });
  engine.phone(phone);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  engine.callers(1);
  const call = page.locator(".call");
  await expect(call).toContainText("This call is recorded");
  await expect(page.locator("button.record")).toHaveCount(0);
  await engine.kill();
  await expect(page.getByRole("alert")).toContainText("Connection lost");
  await engine.again();
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await expect(page.getByRole("alert")).not.toContainText("Connection lost");
  await expect(call).toContainText("This call is recorded");
});
