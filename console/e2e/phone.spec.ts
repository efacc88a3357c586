// The page is the phone: it rings, is answered by a key, and is heard; and a page is the caller.

import type { Page } from "@playwright/test";
import { Engine } from "./engine";
import { expect, signIn, test } from "./test";

/** Waits until the other side's beeps are heard in a page. */
async function hears(page: Page): Promise<void> {
  const heard = page.waitForFunction(() => {
    const known = window as unknown as { analyser?: AnalyserNode };
    const audio = document.querySelector<HTMLAudioElement>("audio[data-phone=remote]");
    if (!(audio?.srcObject instanceof MediaStream)) return false;
    if (known.analyser === undefined) {
      const context = new AudioContext();
      known.analyser = context.createAnalyser();
      context.createMediaStreamSource(audio.srcObject).connect(known.analyser);
    }
    const samples = new Float32Array(known.analyser.fftSize);
    known.analyser.getFloatTimeDomainData(samples);
    return samples.some((sample) => Math.abs(sample) > 0.05);
  });
  await heard;
}

test("a caller's page and an operator's page hear each other", async ({ page, context, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null }, trunk: "browsers = true", queue: 'wrap_up = "40s"' });
  await signIn(page, engine, "1001");
  await expect(page.getByText("no call can reach you")).toBeHidden();
  await page.keyboard.press("r");
  await expect(page.locator("#own-state")).toHaveText("Ready");

  const caller = await context.newPage();
  await caller.goto(`${engine.url}/call`);
  await caller.getByRole("button", { name: "Call", exact: true }).click();

  await page.bringToFront();
  await expect(page.getByRole("button", { name: "Answer" })).toBeVisible();
  await page.keyboard.press("a");
  await expect(page.getByRole("button", { name: "Hang up" })).toBeVisible();
  await expect(caller.getByText("Connected")).toBeVisible();
  await hears(page);
  await hears(caller);

  await page.keyboard.press("m");
  await expect(page.getByRole("button", { name: "Mute" })).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("h");
  await expect(page.getByText("on hold", { exact: false }).first()).toBeVisible();

  await page.keyboard.press("x");
  await expect(page.locator("#own-state")).toHaveText("Wrap-up");
  await expect(caller.getByText("Not in a call")).toBeVisible();
});

test("who has a phone on the desk keeps it", async ({ page, place }) => {
  const engine = await Engine.start(place, { operators: { "1001": null } });
  await signIn(page, engine, "1001");
  await page.keyboard.press("r");
  await expect(page.getByText("no call can reach you")).toBeHidden();
  await page.getByLabel("This page is my phone").uncheck();
  await expect(page.getByText("no call can reach you")).toBeVisible();
});
