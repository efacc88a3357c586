// An operator with a phone on the desk controls the call from the page, by keyboard: holds it, hangs it up, hands it over.

import type { Browser, Page } from "@playwright/test";
import { Engine } from "./engine";
import type { Place } from "./place";
import { expect, signIn, supervise, test } from "./test";

const CALLER = "13800000042";

/**
 * The first operator talks with a caller; the second, in a browser of their own, is free. Both phones are picked up. Gives
 * the second's page, and a supervisor's, on which all operators are to be seen.
 */
async function talking(page: Page, browser: Browser, place: Place): Promise<{ second: Page; board: Page }> {
  const phones = [place.address(), place.address()] as const;
  const engine = await Engine.start(place, {
    operators: { "1001": phones[0], "1002": phones[1] },
    queue: 'wrap_up = "40s"',
  });
  phones.forEach((phone) => engine.phone(phone));
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  engine.callers(1, CALLER);
  await expect(page.locator("#own-state")).toHaveText("Talking");
  const second = await (await browser.newContext()).newPage();
  await signIn(second, engine, "1002");
  await second.keyboard.press("r");
  await expect(second.locator("#own-state")).toHaveText("Ready");
  const board = await (await browser.newContext()).newPage();
  await supervise(board, engine);
  await expect(board.getByRole("row", { name: "1002 free" })).toBeVisible();
  return { second, board };
}

test("hold and hang-up, each by one key", async ({ page, browser, place }) => {
  const { board } = await talking(page, browser, place);
  await page.keyboard.press("h");
  await expect(page.getByRole("button", { name: "Hold" })).toHaveAttribute("aria-pressed", "true");
  await expect(page.locator(".call")).toContainText("on hold");
  await expect(board.getByRole("row", { name: "1001 talking · on hold" })).toBeVisible();
  await page.keyboard.press("h");
  await expect(page.locator(".call")).not.toContainText("on hold");
  await page.keyboard.press("x");
  await expect(page.locator("#own-state")).toHaveText("Wrap-up");
});

test("a call is handed over at once", async ({ page, browser, place }) => {
  const { second } = await talking(page, browser, place);
  await page.keyboard.press("d");
  const dialog = page.getByRole("dialog", { name: "Who is to have this call?" });
  await expect(dialog).toBeVisible();
  await page.keyboard.type("9");
  await expect(dialog).toContainText("Nobody by that name is free.");
  await page.keyboard.press("Backspace");
  await page.keyboard.type("02");
  await expect(page.getByRole("option", { selected: true })).toContainText("1002");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(dialog.getByRole("button", { name: "Transfer at once" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#own-state")).toHaveText("Wrap-up");
  await expect(second.locator("#own-state")).toHaveText("Talking");
  await expect(second.locator(".call .caller")).toHaveText(CALLER);
  await expect(second.locator(".call")).toContainText("handed over by 1001");
});

/** The operator talks with a caller; numbers that begin with 139 may be asked, and pick up. */
async function mayAskOutside(page: Page, place: Place): Promise<Engine> {
  const [phone, outside] = [place.address(), place.address()];
  const engine = await Engine.start(place, {
    operators: { "1001": phone },
    queue: 'wrap_up = "40s"',
    trunk: `dial = "sip:${outside}:5060"`,
    tables: '[transfer]\ntrunk = "loopback"\nnumbers = ["139*"]',
  });
  engine.phone(phone);
  engine.phone(outside);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  engine.callers(1, CALLER);
  await expect(page.locator("#own-state")).toHaveText("Talking");
  return engine;
}

test("a call is given to a number outside that the configuration allows", async ({ page, place }) => {
  const engine = await mayAskOutside(page, place);
  await page.keyboard.press("d");
  const dialog = page.getByRole("dialog", { name: "Who is to have this call?" });
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("110");
  await expect(dialog).toContainText("This number may not be called.");
  await expect(dialog.getByRole("button", { name: "Ask first" })).toBeDisabled();
  await expect(dialog.getByRole("button", { name: "Transfer at once" })).toBeDisabled();
  for (let typed = 0; typed < 3; typed += 1) await page.keyboard.press("Backspace");
  await page.keyboard.type("139 0000 0001");
  await expect(dialog).toContainText("Enter asks 13900000001 first");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(dialog.getByRole("button", { name: "Transfer at once" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#own-state")).toHaveText("Wrap-up");
  const metrics = async () => (await fetch(`${engine.url}/metrics`)).text();
  await expect.poll(metrics).toContain('holdfast_calls{queue="hotline",stage="forwarded"} 1');
});

test("a number outside is asked, talks along, goes, and at last has the call", async ({ page, browser, place }) => {
  const engine = await mayAskOutside(page, place);
  const board = await (await browser.newContext()).newPage();
  await supervise(board, engine);
  const ask = async () => {
    await page.keyboard.press("d");
    await expect(page.getByRole("combobox")).toBeFocused();
    await page.keyboard.type("13900000001");
    await page.keyboard.press("Enter");
    await expect(page.locator(".call")).toContainText("You talk with 13900000001; the caller hears music");
  };
  await ask();
  await expect(board.getByRole("row", { name: "1001 talking · asks 13900000001" })).toBeVisible();
  await page.keyboard.press("j");
  await expect(page.locator(".call")).toContainText("Three-way with 13900000001");
  await page.keyboard.press("b");
  await expect(page.locator(".call")).not.toContainText("13900000001");
  await expect(page.getByRole("button", { name: "Hold" })).toBeVisible();
  await ask();
  await page.keyboard.press("c");
  await expect(page.locator("#own-state")).toHaveText("Wrap-up");
  const metrics = async () => (await fetch(`${engine.url}/metrics`)).text();
  await expect.poll(metrics).toContain('holdfast_calls{queue="hotline",stage="forwarded"} 1');
});

test("a colleague is asked, talks along, goes, and at last has the call", async ({ page, browser, place }) => {
  const { second, board } = await talking(page, browser, place);
  const chosen = page.getByRole("option", { selected: true });
  await page.keyboard.press("d");
  await expect(chosen).toContainText("1002");
  await page.keyboard.press("Enter");
  await expect(page.locator(".call")).toContainText("You talk with 1002; the caller hears music");
  await expect(second.locator(".call")).toContainText("1001 asks you about this call");
  await expect(second.getByRole("button", { name: "Hold" })).toHaveCount(0);

  await page.keyboard.press("j");
  await expect(page.locator(".call")).toContainText("Three-way with 1002");
  await expect(second.locator(".call")).toContainText("Three-way with 1001");
  await expect(board.getByRole("row", { name: "1002 talking · three-way with 1001" })).toBeVisible();
  const overflow = await page.evaluate(() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    return [scrollWidth - innerWidth, scrollHeight - innerHeight];
  });
  expect(overflow).toEqual([0, 0]);

  await page.keyboard.press("b");
  await expect(page.locator(".call")).not.toContainText("1002");
  await expect(second.locator("#own-state")).toHaveText("Ready");

  await page.keyboard.press("d");
  await expect(chosen).toContainText("1002");
  await page.keyboard.press("Enter");
  await expect(page.locator(".call")).toContainText("You talk with 1002");
  await page.keyboard.press("c");
  await expect(page.locator("#own-state")).toHaveText("Wrap-up");
  await expect(second.locator("#own-state")).toHaveText("Talking");
  await expect(second.getByRole("button", { name: "Hand over" })).toBeVisible();
});
