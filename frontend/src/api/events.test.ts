import { expect, test } from "vitest";

import { type Message, messages } from "./events";

async function read(...chunks: string[]): Promise<Message[]> {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(encoder.encode(chunk));
      controller.close();
    },
  });
  const all: Message[] = [];
  for await (const message of messages(body)) all.push(message);
  return all;
}

test("an event cut anywhere arrives whole", async () => {
  const text = 'id: 7\nevent: audit\ndata: {"seq":7}\n\n';
  for (let cut = 1; cut < text.length; cut++) {
    expect(await read(text.slice(0, cut), text.slice(cut))).toEqual([
      { id: "7", event: "audit", data: '{"seq":7}' },
    ]);
  }
});

test("a heartbeat has no data and no id", async () => {
  expect(await read(": still here\n\n")).toEqual([{ id: undefined, event: undefined, data: "" }]);
});

test("line ends of either kind are understood, even when cut in two", async () => {
  expect(await read("id: 1\r\ndata: a\r", "\n\r", "\nid: 2\ndata: b\n\n")).toEqual([
    { id: "1", event: undefined, data: "a" },
    { id: "2", event: undefined, data: "b" },
  ]);
});

test("an unfinished event is not handed out", async () => {
  expect(await read("id: 1\ndata: half")).toEqual([]);
});
