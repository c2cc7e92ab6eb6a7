// SPDX-License-Identifier: Apache-2.0
// A cable between a browser and a device that a test can cut and mend, whatever the browser is and whatever is spoken.
import net from 'node:net';

/** Bytes pass through it until it is cut. */
export class Cable {
  static async lay(device) {
    const cable = new Cable();
    cable.server = net.createServer((near) => {
      if (cable.isCut) {
        near.destroy();
        return;
      }
      const far = net.connect(Number(cable.port ?? device.url.port), '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        cable.ends.add(from);
        from.on('error', () => {}).on('close', () => to.destroy());
        from.on('data', (bytes) => to.destroyed || to.write(bytes));
      }
    });
    await new Promise((resolve) => cable.server.listen(0, '127.0.0.1', resolve));
    cable.server.unref(); // a test that has failed must not hang
    cable.address = `${device.url.protocol}//127.0.0.1:${cable.server.address().port}/ota`;
    return cable;
  }

  ends = new Set(); // near and far by turns
  isCut = false;

  cut() {
    this.isCut = true;
    for (const end of this.ends) end.destroy();
    this.ends.clear();
  }

  /** The visitor notices, the device does not: it is left with a connection to nobody, until that is buried. */
  cutNearby() {
    this.isCut = true;
    const [nears, fars] = [0, 1].map((side) => [...this.ends].filter((_, i) => i % 2 === side));
    for (const near of nears) near.removeAllListeners('close').destroy();
    this.ends.clear();
    return { bury: () => fars.forEach((far) => far.destroy()) };
  }

  mend() {
    this.isCut = false;
  }

  take() {
    this.cut();
    this.server.close();
  }
}
