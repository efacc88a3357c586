import { Engine } from "./engine";
import { expect, supervise, test } from "./test";

const WAITING = 500;

/** Elements a page may have, however many wait: what is drawn is bounded, not merely hidden. */
const ELEMENTS_MAX = 1500;

const MANY = 'waiting_max = 600\nanswer = "admission"\ngreeting = false\nannounce_every = "0s"';

test(`a wallboard with ${WAITING} waiting calls stays small and smooth`, async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null }, lines: 1, queue: MANY });
  await page.addInitScript(() => {
    const tasks: number[] = [];
    const seen = (list: PerformanceObserverEntryList) => list.getEntries().forEach(({ duration }) => tasks.push(duration));
    new PerformanceObserver(seen).observe({ type: "longtask" });
    Object.assign(window, { tasks });
  });
  await page.goto(`${engine.url}/wallboard`);
  await expect(page.locator(".link-state.live")).toBeVisible();
  // The page has loaded; what counts is what it does while calls come.
  await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks.splice(0));
  engine.callers(WAITING, "13800000001", 150);
  await expect(page.locator(".tile", { hasText: "Waiting" }).locator(".value")).toHaveText(String(WAITING));
  await expect(page.getByText(`and ${WAITING - 8} more`)).toBeVisible();
  expect(await page.locator("*").count()).toBeLessThan(ELEMENTS_MAX);
  const tasks = await page.evaluate(() => (window as unknown as { tasks: number[] }).tasks);
  const longest = Math.max(0, ...tasks).toFixed(0);
  console.log(`    long tasks while ${WAITING} calls came: ${tasks.length}, the longest ${longest} ms`);

  // The supervisor may look at every one of them, and still only those in sight are drawn.
  await supervise(page, engine);
  const list = page.getByRole("group", { name: "Waiting" });
  await expect(list.locator("table")).toHaveAttribute("aria-rowcount", String(WAITING + 1));
  await list.evaluate((node) => node.scrollTo(0, node.scrollHeight));
  await expect(list.getByRole("button", { name: `13800000${WAITING}` })).toBeVisible();
  expect(await list.locator("tbody tr").count()).toBeLessThan(90);
  expect(await page.locator("*").count()).toBeLessThan(ELEMENTS_MAX);
});
