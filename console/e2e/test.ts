// What every test has: a place, and the acts that most of them begin with.

import { type Page, test as base, expect } from "@playwright/test";
import { type Engine, SECRET } from "./engine";
import { Place } from "./place";

export { expect };

export const test = base.extend<{ place: Place }>({
  // Playwright reads from the pattern that this fixture needs no other.
  place: async ({}, use) => {
    const place = new Place();
    await use(place);
    await place.leave();
  },
});

/** Opens the console and signs an operator in, by keyboard alone. */
export async function signIn(page: Page, engine: Engine, name: string): Promise<void> {
  await page.goto(engine.url);
  await page.getByLabel("Name or number").fill(name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(SECRET);
  await page.keyboard.press("Enter");
  await expect(page.locator("#own-state")).toBeVisible();
}

/** Opens the console and signs in as supervisor. */
export async function supervise(page: Page, engine: Engine): Promise<void> {
  await page.goto(engine.url);
  await page.getByLabel("Name or number").fill("supervisor");
  await page.getByRole("textbox", { name: "Secret" }).fill(SECRET);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Details" })).toBeVisible();
}
