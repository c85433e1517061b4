import { createRequire } from 'node:module';
import type { WorkflowHandle } from '@temporalio/client';

export type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

export interface NamedHistory {
  readonly workflowId: string;
  readonly history: History;
}

interface ProtoJson {
  readonly fromJson: (type: unknown, json: unknown, options: { ignoreUnknownFields: boolean }) => unknown;
  readonly toJson: (type: unknown, message: unknown) => unknown;
}
interface HistoryType {
  readonly fromObject: (history: History) => unknown;
}
interface ProtoRoot {
  readonly lookupType: (name: string) => HistoryType;
}

/*
 * `historyFromJSON` and `historyToJSON` of @temporalio/common 1.24 throw "type must be a Type" where npm gives each of
 * Temporal's packages a copy of protobufjs: they convert with one copy the types of another. So the types of
 * @temporalio/proto are converted here with the copy that made them.
 */
const requireOfCommon = createRequire(createRequire(import.meta.url).resolve('@temporalio/common'));
const requireOfProto = createRequire(requireOfCommon.resolve('@temporalio/proto'));
const { fromJson, toJson } = requireOfProto('protobufjs/ext/protojson.js') as ProtoJson;
const { patchProtobufRoot } = requireOfProto('@temporalio/proto/lib/patch-protobuf-root.js') as {
  patchProtobufRoot: (root: unknown) => ProtoRoot;
};
const historyType = patchProtobufRoot(requireOfProto('@temporalio/proto')).lookupType(
  'temporal.api.history.v1.History',
);

/** What the Web UI and `temporal workflow show --output json` save. @throws Error for what is no history */
export function historyFromJson(json: unknown): History {
  if (typeof json !== 'object' || json === null || !('events' in json) || !Array.isArray(json.events))
    throw new TypeError('an object with an array of events was expected');
  return fromJson(historyType, json, { ignoreUnknownFields: true }) as History;
}

export const historyToJson = (history: History): unknown =>
  toJson(historyType, historyType.fromObject(history));
