import { describe, expect, it } from "vitest";
import { GuardedEmitter } from "../../src/guarded-emitter.js";

interface Events {
  tick: [number];
  tock: [string];
}

function emitter() {
  const faults: [string, unknown][] = [];
  return { faults, events: new GuardedEmitter<Events>((event, error) => void faults.push([event, error])) };
}

describe("guarded events", () => {
  it("reach their listeners in the order of registration, with what was emitted", () => {
    const { events } = emitter();
    const seen: string[] = [];
    events.on("tick", (number) => void seen.push(`one ${number}`));
    events.on("tick", (number) => void seen.push(`two ${number}`));
    events.on("tock", (text) => void seen.push(text));
    events.emit("tick", 7);
    events.emit("tock", "x");
    expect(seen).toEqual(["one 7", "two 7", "x"]);
  });

  it("R15 reach everybody though a listener throws or rejects, and each fault is reported once", async () => {
    const { events, faults } = emitter();
    const [thrown, rejected] = [new Error("thrown"), new Error("rejected")];
    const seen: number[] = [];
    events.on("tick", () => {
      throw thrown;
    });
    events.on("tick", () => Promise.reject(rejected));
    events.on("tick", (number) => void seen.push(number));
    events.emit("tick", 1);
    expect(seen).toEqual([1]);
    await new Promise(setImmediate);
    expect(faults).toEqual([
      ["tick", thrown],
      ["tick", rejected],
    ]);
  });

  it("reach everybody before a fault is reported, so that nobody hears of it first", async () => {
    const order: string[] = [];
    const events = new GuardedEmitter<Events>(() => void order.push("fault"));
    events.on("tick", () => {
      throw new Error("at once");
    });
    events.on("tick", () => void order.push("event"));
    events.emit("tick", 1);
    await new Promise(setImmediate);
    expect(order).toEqual(["event", "fault"]);
  });

  it("come once to a listener that asked for one", () => {
    const { events } = emitter();
    const seen: number[] = [];
    events.once("tick", (number) => void seen.push(number));
    events.emit("tick", 1);
    events.emit("tick", 2);
    expect(seen).toEqual([1]);
  });

  it("come no more to a listener that was taken away, whether it asked for one or for all", () => {
    const { events } = emitter();
    const seen: number[] = [];
    const listener = (number: number) => void seen.push(number);
    events.on("tick", listener);
    events.once("tick", listener);
    events.off("tick", listener);
    events.emit("tick", 1);
    expect(seen).toEqual([]);
    events.off("tick", () => {});
  });
});
