/** One case of a behaviour suite, for any test runner: a sentence, and a run that rejects where it does not hold. */
export interface BehaviourCase {
  readonly title: string;
  run(): Promise<void>;
}
