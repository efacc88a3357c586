import { Engine } from "./engine";
import { expect, supervise, test } from "./test";

test("a supervisor sees why a call waits, and lets it in", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null }, lines: 1 });
  engine.callers(3);
  await supervise(page, engine);
  const waiting = page.getByRole("group", { name: "Waiting" });
  await expect(waiting.locator("tbody tr")).toHaveCount(3);
  await waiting.getByRole("button", { name: "13800000002" }).click();
  const detail = page.locator(".detail");
  await expect(detail).toContainText("Why caller 13800000002 waits");
  await expect(detail).toContainText("Waits for a line: 1 of 1 are in use.");
  await expect(detail).toContainText("Callers before it: 1.");

  await page.getByRole("textbox", { name: "Lines" }).fill("5");
  await page.getByLabel("Until").fill("18:30");
  await page.keyboard.press("Enter");
  await expect(page.getByText("5 lines until 18:30.")).toBeVisible();
  await expect(page.locator(".tile", { hasText: "Lines in use" })).toContainText("of 5");
  await expect(waiting.getByText("for an operator")).toHaveCount(3);
  await expect(detail).toContainText("Waits for an operator");
  await page.getByRole("button", { name: "Follow the schedule" }).click();
  await expect(page.getByText("The schedule counts again.")).toBeVisible();
  await expect(page.locator(".tile", { hasText: "Lines in use" })).toContainText("2 more than in force");
});

test("a supervisor acts on an operator's behalf, by keyboard", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": place.address(), "1002": null } });
  await supervise(page, engine);
  await page.getByRole("button", { name: "1001" }).focus();
  await page.keyboard.press("Enter");
  const detail = page.locator(".detail");
  const press = async (name: string) => {
    await detail.getByRole("button", { name, exact: true }).focus();
    await page.keyboard.press("Enter");
  };
  await press("Sign on");
  await expect(detail).toContainText("paused · not ready yet");
  await press("Ready");
  await expect(detail).toContainText("free");
  await press("Pause: meal");
  await expect(detail).toContainText("paused · meal");
  await press("Sign off");
  await expect(detail).toContainText("signed off");
});

test("a time that is none is refused on the spot", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: {} });
  await supervise(page, engine);
  await page.getByRole("textbox", { name: "Lines" }).fill("many");
  await page.keyboard.press("Enter");
  await expect(page.getByText("0 to 10,000 lines, please.")).toBeVisible();
});
