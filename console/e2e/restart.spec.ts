import type { Page } from "@playwright/test";
import { Engine } from "./engine";
import { expect, signIn, supervise, test } from "./test";

/** The network is said to be back, so that the page does not wait for its next try. */
const hurry = (page: Page) => page.evaluate(() => dispatchEvent(new Event("online")));

test("an engine killed under an open page: said at once, back by itself", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": place.address() } });
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");

  await engine.kill();
  await expect(page.getByRole("alert")).toContainText("Connection lost");
  await expect(page.locator("#own-state"), "what was known is still shown").toHaveText("Ready");
  // A key pressed meanwhile counts as soon as the connection is back.
  await page.keyboard.press("1");
  await expect(page.getByText("Will be sent as soon as the connection is back.")).toBeVisible();

  await engine.again();
  await hurry(page);
  await expect(page.locator("#own-state")).toHaveText("Pausedmeal");
  await expect(page.getByRole("alert")).not.toContainText("Connection lost");
});

test("what was typed is still there after the engine was gone", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null } });
  await supervise(page, engine);
  await page.getByRole("textbox", { name: "Lines" }).fill("6");
  await page.getByLabel("Until").fill("22:00");
  await engine.kill();
  await expect(page.getByRole("alert")).toContainText("Connection lost");
  await engine.again();
  await hurry(page);
  await expect(page.getByRole("alert")).not.toContainText("Connection lost");
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await expect(page.getByText("6 lines until 22:00.")).toBeVisible();
  await expect(page.getByText("6 in force")).toBeVisible();
});
