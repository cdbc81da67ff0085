/** The diagnosis in the words and order in which it is shown. */
import { type Diagnosed, type Diagnosis, fields, figure, type Issue, items, text } from "./shapes";

const PART_WORDS: Record<string, string> = {
  connection: "Connection",
  sound: "Sound",
  picture: "Picture",
  devices: "Devices",
};

export interface Loss {
  points: number;
  why: string;
  cause: string;
}

export interface Part {
  name: string;
  points: number;
  of: number;
  lost: Loss[];
}

/** The parts of a participant's score that there was something to lose in. `issues` give names to what took points. */
export function partsOf(diagnosed: Pick<Diagnosed, "parts">, issues: readonly Issue[]): Part[] {
  const titles = new Map(issues.map((issue) => [issue.code, issue.title]));
  return Object.entries(PART_WORDS).flatMap(([key, name]) => {
    const part = fields(fields(diagnosed.parts)[key]);
    const [points, of] = [figure(part["points"]), figure(part["of"])];
    if (points === null || of === null) return [];
    const lost = items(part["lost"])
      .map(fields)
      .map((loss) => {
        const why = text(loss["why"]) ?? "unknown";
        return {
          points: figure(loss["points"]) ?? 0,
          why: titles.get(why) ?? spoken(why),
          cause: text(loss["cause"]) ?? "none",
        };
      });
    return [{ name, points, of, lost }];
  });
}

/** `never_connected` as "Never connected". */
export function spoken(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Participants of a diagnosis, the worst first. */
export function worstFirst(diagnosis: Diagnosis): Diagnosed[] {
  return [...diagnosis.participants].sort((a, b) => (a.score ?? 101) - (b.score ?? 101));
}
