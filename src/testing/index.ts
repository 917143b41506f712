// Doubles of a source and a target, with scripted faults
export { openFakeSource, fakeSource } from "./fake-source.js";
export { openFakeTarget, fakeTarget } from "./fake-target.js";
