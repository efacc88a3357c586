import { Engine, SECRET } from "./engine";
import { expect, signIn, supervise, test } from "./test";

test("a wrong secret is refused in words, and what was typed stays", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null } });
  await page.goto(engine.url);
  const name = page.getByLabel("Name or number");
  const secret = page.getByRole("textbox", { name: "Secret" });
  await name.fill("1001");
  await secret.fill("guess");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Name or secret is wrong.")).toBeVisible();
  await expect(name).toHaveValue("1001");

  await secret.fill(SECRET);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Signed off" })).toBeVisible();
  await page.getByRole("button", { name: "Leave" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to the console" })).toBeVisible();
});

test("a hotline that is closed to strangers shows them nothing", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null }, feed: "open_wallboard = false" });
  await page.goto(`${engine.url}/wallboard`);
  await expect(page.getByText("shows its queue only to those who sign in")).toBeVisible();
  await signIn(page, engine, "1001");
  await page.keyboard.press("g");
  await expect(page.locator("main.wallboard")).toBeVisible();
});

test("whoever signs in elsewhere puts the older page out, which does not fight", async ({ page, place, context }) => {
  const engine = await Engine.start(place, { operators: { "1001": null } });
  await signIn(page, engine, "1001");
  const other = await (await context.browser()!.newContext()).newPage();
  await signIn(other, engine, "1001");
  await expect(page.getByText("1001 has signed in somewhere else")).toBeVisible();
  await expect(other.locator("#own-state")).toBeVisible();
});

test("a sign-in outlives a reload, and a wallboard beside it does not end it", async ({ page, place, context }) => {
  const engine = await Engine.start(place, { operators: { "1001": null } });
  await signIn(page, engine, "1001");
  await page.reload();
  await expect(page.locator("#own-state")).toBeVisible();
  const wallboard = await context.newPage();
  await wallboard.goto(`${engine.url}/wallboard`);
  await expect(wallboard.locator(".link-state.live")).toBeVisible();
  await expect(page.locator("#own-state")).toBeVisible();
  await page.getByRole("button", { name: "Leave" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to the console" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Sign in to the console" })).toBeVisible();
});

test("language and theme are remembered, and keys are explained", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null } });
  await supervise(page, engine);
  await page.keyboard.press("l");
  await expect(page.getByRole("heading", { name: "等候队列" })).toBeVisible();
  await page.keyboard.press("t");
  await page.keyboard.press("t");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "快捷键" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-CN");
});
