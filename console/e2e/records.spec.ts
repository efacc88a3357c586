// What happened is kept and shown: forms, earlier calls, who is to be called back.

import type { Page } from "@playwright/test";
import { Engine } from "./engine";
import { expect, signIn, supervise, test } from "./test";

const FORM = `
[form]
outcomes = ["resolved", "assigned"]
categories = ["noise", "water", "traffic"]
`;

/** The network is said to be back, so that the page does not wait for its next try. */
const hurry = (page: Page) => page.evaluate(() => dispatchEvent(new Event("online")));

const saved = (page: Page) => page.locator(".form .saved");

/** An operator who talks with a caller. */
async function talking(page: Page, engine: Engine, phone: string, caller: string): Promise<void> {
  engine.phone(phone);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  engine.callers(1, caller);
  await expect(page.locator("#own-state")).toHaveText("Talking");
}

test("a form is saved as it is typed, by keyboard, and is there after a reload", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, { operators: { "1001": phone }, tables: FORM });
  await talking(page, engine, phone, "13800000042");
  await expect(saved(page)).toHaveText("Saved as you type.");
  await page.keyboard.press("n");
  await page.keyboard.type("A dog barks, ready to r and 1");
  await expect(saved(page)).toHaveText("Saved.");
  await page.keyboard.press("Shift+Tab");
  await expect(page.getByLabel("traffic")).toBeFocused();
  await page.keyboard.press("Space");
  await expect(page.getByLabel("traffic")).toBeChecked();
  await page.getByLabel("Outcome").selectOption("resolved");
  await expect(saved(page)).toHaveText("Saved.");
  await expect(page.locator("#own-state"), "what is typed is no command").toHaveText("Talking");

  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await expect(page.locator(".form textarea")).toHaveValue("A dog barks, ready to r and 1");
  await expect(page.getByLabel("traffic")).toBeChecked();
  await expect(page.getByLabel("Outcome")).toHaveValue("resolved");
  const overflow = await page.evaluate(() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    return [scrollWidth - innerWidth, scrollHeight - innerHeight];
  });
  expect(overflow).toEqual([0, 0]);
});

test("what is typed while the engine is away is kept, and saved when it is back", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, { operators: { "1001": phone }, tables: FORM });
  await talking(page, engine, phone, "13800000042");
  await page.keyboard.press("n");
  await page.keyboard.type("A dog");
  await expect(saved(page)).toHaveText("Saved.");
  await engine.kill();
  await expect(page.getByRole("alert")).toContainText("Connection lost");
  await page.keyboard.type(" barks");
  await expect(saved(page)).toContainText("Kept in this browser");

  await engine.again();
  await hurry(page);
  await expect(saved(page)).toHaveText("Saved.");
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await expect(page.locator(".form textarea")).toHaveValue("A dog barks");
});

test("a caller's earlier calls are there while the phone rings, with what was written", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, { operators: { "1001": phone }, tables: FORM, queue: 'wrap_up = "0s"' });
  const first = engine.phone(phone, "operator_hangs_up", ["-d", "1500", "-m", "1"]);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  engine.callers(1, "13800000042");
  await expect(page.locator("#own-state")).toHaveText("Talking");
  await page.keyboard.press("n");
  await page.keyboard.type("A dog barks");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  await first.done();
  engine.phone(phone, "operator_silent");
  engine.callers(1, "13800000042");
  await expect(page.locator(".call.reserved .caller")).toHaveText("13800000042");
  const history = page.locator(".history");
  await expect(history.locator("li")).toHaveCount(1);
  await expect(history).toContainText("answered");
  await expect(history).toContainText("1001");
  await expect(history).toContainText("A dog barks");
});

test("who gave up is listed once, and gone when reached", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: {}, queue: 'short_abandon = "0s"\nanswer = "operator"' });
  await supervise(page, engine);
  const list = page.locator(".missed tbody tr:not(.spacer)");
  for (let tries = 1; tries <= 2; tries += 1) {
    engine.givesUp("13900000002", 300);
    await expect(list.locator("td").nth(1)).toHaveText(String(tries));
  }
  await expect(list).toHaveCount(1);
  await expect(list).toContainText("13900000002");
  await list.getByRole("button", { name: "13900000002 was reached" }).focus();
  await page.keyboard.press("Enter");
  await expect(list).toHaveCount(0);
});

test("the day's shares and curves are there on a page that was not open", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, { operators: { "1001": phone }, queue: 'wrap_up = "0s"' });
  engine.phone(phone, "operator_hangs_up", ["-d", "1500"]);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  engine.callers(1, "13800000042");
  await expect(page.locator("#own-state")).toHaveText("Talking");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  await engine.kill();
  await engine.again();
  await page.goto(`${engine.url}/wallboard`);
  await expect(page.locator(".tile", { hasText: "Service level" }).locator(".value")).toHaveText("100%");
  await expect(page.locator(".curves")).toContainText("since 00:00");
});
