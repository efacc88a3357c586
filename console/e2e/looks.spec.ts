// Every page in both languages and themes: nothing that axe finds serious, and a picture of each to look at.

import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { Engine } from "./engine";
import { expect, signIn, supervise, test } from "./test";

const AXE = createRequire(import.meta.url).resolve("axe-core");
const PICTURES = join(tmpdir(), "holdfast-console-pictures");

interface Finding {
  id: string;
  impact: string | null;
  nodes: { html: string; failureSummary?: string }[];
}

/** What axe finds serious or critical, in words. */
async function serious(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  const found = await page.evaluate(
    () => (window as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } }).axe.run(),
  );
  const bad = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return bad.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ""}`));
}

const FORM = `
[form]
outcomes = ["resolved", "assigned", "to be called"]
categories = ["noise", "water and power", "roads and traffic", "refuse", "housing", "social insurance", "other"]
`;

test.use({ bypassCSP: true });

for (const name of ["sign-in", "operator", "supervisor", "wallboard"] as const) {
  test(`${name}: axe finds nothing serious in either language or theme`, async ({ page, place }) => {
    const phone = place.address();
    const engine = await Engine.start(place, {
      operators: { "1001": phone, "1002": null, "1003": null },
      lines: 3,
      queue: 'answer = "operator"\nshort_abandon = "0s"',
      tables: FORM,
    });
    engine.phone(phone);
    // Somebody who gave up: to be called back, and an earlier call of the one who is answered.
    await engine.givesUp("13800000001", 100).done();
    if (name === "operator") {
      await signIn(page, engine, "1001");
      await page.keyboard.press("r");
    } else if (name === "supervisor") {
      await supervise(page, engine);
    } else {
      await page.goto(engine.url + (name === "wallboard" ? "/wallboard" : "/"));
    }
    engine.callers(5);
    if (name === "operator") {
      await expect(page.locator("#own-state")).toHaveText("Talking");
      await page.getByLabel("Outcome").selectOption("assigned");
      await page.getByText("water and power", { exact: true }).click();
      await page.locator(".form textarea").fill("街道水管漏水，请派人查看。\nWater leaks from a pipe in the street.");
      await expect(page.locator(".form .saved")).toHaveText("Saved.");
      await expect(page.locator(".history li")).toHaveCount(1);
    }
    if (name === "supervisor") await page.getByRole("button", { name: "13800000004" }).click();
    if (name === "wallboard") await expect(page.locator(".waiting tbody tr")).toHaveCount(5);

    for (const language of ["English", "中文"]) {
      for (const scheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme: scheme });
        expect(await serious(page), `${name}, ${language}, ${scheme}`).toEqual([]);
        await page.screenshot({ path: join(PICTURES, `${name}-${language}-${scheme}.png`) });
      }
      await page.getByRole("button", { name: language === "English" ? "中文" : "English", exact: true }).click();
    }
  });
}

test("handing a call over: axe finds nothing serious in either language or theme", async ({ page, browser, place }) => {
  const phones = [place.address(), place.address()] as const;
  const engine = await Engine.start(place, { operators: { "1001": phones[0], "1002": phones[1], "1003": null } });
  phones.forEach((phone) => engine.phone(phone));
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");
  engine.callers(1);
  await expect(page.locator("#own-state")).toHaveText("Talking");
  const second = await (await browser.newContext()).newPage();
  await signIn(second, engine, "1002");
  await second.keyboard.press("r");
  await expect(second.locator("#own-state")).toHaveText("Ready");
  for (const language of ["English", "中文"]) {
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.keyboard.press("d");
      await expect(page.getByRole("option", { selected: true })).toHaveCount(1);
      expect(await serious(page), `choosing, ${language}, ${scheme}`).toEqual([]);
      await page.screenshot({ path: join(PICTURES, `hand-over-${language}-${scheme}.png`) });
      await page.keyboard.press("Enter");
      await expect(page.locator(".call .third")).toContainText("1002");
      await expect(second.locator("#own-state")).toHaveText("Talking");
      expect(await serious(page), `asking, ${language}, ${scheme}`).toEqual([]);
      await page.screenshot({ path: join(PICTURES, `asking-${language}-${scheme}.png`) });
      await second.screenshot({ path: join(PICTURES, `asked-${language}-${scheme}.png`) });
      await page.keyboard.press("b");
      await expect(page.locator(".call .third")).toHaveCount(0);
      await expect(second.locator("#own-state")).toHaveText("Ready");
    }
    await page.getByRole("button", { name: language === "English" ? "中文" : "English", exact: true }).click();
  }
});
