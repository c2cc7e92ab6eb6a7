// SPDX-License-Identifier: Apache-2.0
// The page in Chromium, without any link between: when it first paints, and what its thread costs for each MiB that it
// examines and uploads (Chromium's own TaskDuration).
import { median, packages, startDevice } from './measure.js';
import fs from 'node:fs';

const { chromium } = packages('playwright-core');
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => fs.existsSync(file));

async function cpuSeconds(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration').value;
}

async function measureOnce(browser, { base, image }) {
  const device = await startDevice({ base, timing: 'none' });
  const page = await browser.newPage();
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  await page.goto(`http://127.0.0.1:${device.port}/ota`);
  const paint = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
  await page.waitForFunction(paint);
  const paint_ms = await page.evaluate(paint);
  const transferred = await page.evaluate(() => performance.getEntriesByType('navigation')[0].transferSize);
  await page.locator('input[type=file]').first().waitFor({ state: 'attached' });
  await page.waitForTimeout(500);
  const before = await cpuSeconds(session);
  await page.locator('input[type=file]').first().setInputFiles(image);
  await page.locator('#upload:not([disabled])').click();
  await page.locator('#restart').waitFor({ state: 'visible' });
  const cpu_ms = (await cpuSeconds(session)) - before;
  await page.close();
  await device.stop();
  return { paint_ms, transferred, cpu_ms: (cpu_ms * 1000) / (fs.statSync(image).size / 1048576) };
}

export async function measureBrowser({ base, image, runs }) {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const all = [];
    for (let run = 0; run < runs; run++) all.push(await measureOnce(browser, { base, image }));
    return {
      version: browser.version(),
      paint_ms: median(all.map((result) => result.paint_ms)),
      transferred: all[0].transferred,
      cpu_ms_per_mib: median(all.map((result) => result.cpu_ms)),
    };
  } finally {
    await browser.close();
  }
}
