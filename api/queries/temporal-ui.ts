import { workflowPath } from '../../domain/topology.ts';

/** Base address of the Temporal Web UI and the namespace of the sagas. */
export interface TemporalUi {
  readonly url: string;
  readonly namespace: string;
}

export const linkToWorkflow = ({ url, namespace }: TemporalUi, workflowId: string): string =>
  [url.replace(/\/$/, ''), ...workflowPath(namespace, workflowId).map(encodeURIComponent)].join('/');
