// The choice of devices for a page that is a phone.

import { Engine } from "./engine";
import { expect, signIn, test } from "./test";

test("microphone, loudspeaker and ringing device are chosen and remembered", async ({ page, place, context }) => {
  const engine = await Engine.start(place, { operators: { "1001": null } });
  // Only a page that browsers take for safe is told of devices: one of loopback is.
  await context.grantPermissions(["microphone"], { origin: engine.url });
  await signIn(page, engine, "1001");
  await page.getByRole("button", { name: "Sound …" }).click();
  const dialog = page.getByRole("dialog", { name: "Sound of this page" });
  for (const name of ["Microphone", "Voice is heard at", "Rings at"]) {
    const select = dialog.getByLabel(name);
    await expect(select.locator("option").nth(1), name).toBeAttached();
    await expect(select.locator("option").first()).toHaveText("as the system");
    await select.selectOption({ index: 1 });
  }
  const chosen = await dialog.getByLabel("Microphone").inputValue();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await page.reload();
  await page.getByRole("button", { name: "Sound …" }).click();
  await expect(dialog.getByLabel("Microphone")).toHaveValue(chosen);
  // The system's own again.
  await dialog.getByLabel("Microphone").selectOption("");
  await dialog.getByRole("button", { name: "Close" }).click();
  const kept = await page.evaluate(() => JSON.parse(localStorage.getItem("holdfast.choices") ?? "{}") as object);
  expect(kept).toMatchObject({ microphone: "" });
});
