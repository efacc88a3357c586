import { Engine } from "./engine";
import { expect, signIn, test } from "./test";

test("ready, pause, ready again and off, each by one key", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": place.address() } });
  await signIn(page, engine, "1001");
  const state = page.locator("#own-state");
  await expect(state).toHaveText("Signed off");
  await page.keyboard.press("r");
  await expect(state).toHaveText("Ready");
  await page.keyboard.press("2");
  await expect(state).toHaveText("Pausedtraining");
  await page.keyboard.press("r");
  await expect(state).toHaveText("Ready");
  await page.keyboard.press("o");
  const dialog = page.getByRole("dialog", { name: "Sign off?" });
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(state).toHaveText("Ready");
  await page.keyboard.press("o");
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(state).toHaveText("Signed off");
});

test("a call comes and is talked with; nothing scrolls", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, { operators: { "1001": phone } });
  engine.phone(phone);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  const state = page.locator("#own-state");
  await expect(state).toHaveText("Ready");
  engine.callers(1, "13800000042");
  await expect(state).toHaveText("Talking");
  await expect(page.locator(".call .caller")).toHaveText("13800000042");
  await expect(page.locator(".call")).toContainText("waited 0:0");
  const overflow = await page.evaluate(() => {
    const { scrollWidth, scrollHeight } = document.documentElement;
    return [scrollWidth - innerWidth, scrollHeight - innerHeight];
  });
  expect(overflow).toEqual([0, 0]);
});

test("after a call there is a wrap-up that counts down, can be extended and ended", async ({ page, place }) => {
  const phone = place.address();
  const engine = await Engine.start(place, { operators: { "1001": phone }, queue: 'wrap_up = "40s"' });
  engine.phone(phone, "operator_hangs_up", ["-d", "300"]);
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  const state = page.locator("#own-state");
  await expect(state).toHaveText("Ready");
  engine.callers(1, "13800000042");
  await expect(state).toHaveText("Wrap-up");
  await expect(page.locator(".call .caller")).toHaveText("13800000042");
  const left = page.locator(".call progress");
  const before = Number(await left.getAttribute("value"));
  await page.keyboard.press("w");
  await expect.poll(async () => Number(await left.getAttribute("value"))).toBeGreaterThan(before + 20_000);
  await page.keyboard.press("r");
  await expect(state).toHaveText("Ready");
});

test("a call while the page is hidden is announced", async ({ page, place, context }) => {
  const phone = place.address();
  const engine = await Engine.start(place, { operators: { "1001": phone } });
  await context.grantPermissions(["notifications"], { origin: engine.url });
  await page.addInitScript(() => {
    Object.defineProperty(document, "hidden", { get: () => true });
    const shown: string[] = [];
    const Fake = class {
      static permission = "granted";
      constructor(title: string) {
        shown.push(title);
      }
      close() {}
    };
    Object.assign(window, { Notification: Fake, shown });
  });
  engine.phone(phone, "operator_silent");
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  engine.callers(1, "13800000077");
  await expect.poll(() => page.evaluate(() => (window as unknown as { shown: string[] }).shown)).toEqual([
    "Call from 13800000077",
  ]);
  await expect(page.locator(".call.reserved")).toContainText("13800000077");
});
