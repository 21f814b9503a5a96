// The same work in Node: datagrams of any length become frames of 640 bytes, counted.
//
//     node dgram.mjs SOCKETS RECEIVE_BUFFER
//
// Prints the ports, begins to count at the line `begin`, tells its counts at the line `end`.
import dgram from 'node:dgram';
import readline from 'node:readline';

const [sockets, room] = process.argv.slice(2).map(Number);
const FRAME = 640;
let datagrams = 0;
let frames = 0;
let began = process.cpuUsage();

class Leg {
  #frame = Buffer.alloc(FRAME);
  #filled = 0;

  take(datagram) {
    datagrams += 1;
    for (let at = 0; at < datagram.length; ) {
      const part = Math.min(FRAME - this.#filled, datagram.length - at);
      datagram.copy(this.#frame, this.#filled, at, at + part);
      this.#filled += part;
      at += part;
      if (this.#filled === FRAME) {
        frames += 1;
        this.#frame = Buffer.alloc(FRAME); // its owner keeps the one before
        this.#filled = 0;
      }
    }
  }
}

const ports = await Promise.all(
  Array.from({ length: sockets }, () => new Promise((bound, failed) => {
    const leg = new Leg();
    const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: room });
    socket.on('message', (datagram) => leg.take(datagram));
    socket.on('error', failed);
    socket.bind(0, '127.0.0.1', () => bound(socket.address().port));
  })),
);
console.log(`ready ${ports.join(' ')}`);

for await (const line of readline.createInterface({ input: process.stdin })) {
  if (line === 'begin') {
    datagrams = frames = 0;
    began = process.cpuUsage();
    console.log('begun');
    continue;
  }
  const used = process.cpuUsage(began);
  console.log(JSON.stringify({
    datagrams, frames, cpu_seconds: (used.user + used.system) / 1e6,
  }));
  process.exit(0);
}
