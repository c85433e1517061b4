import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { linkTo, type Markdown } from '../domain/markdown.ts';
import { workflowPath } from '../domain/topology.ts';

/** Shows how far the workflow is in the Temporal Web UI. The only caller of `setCurrentDetails`, which takes any string. */
export const showDetails = (details: Markdown): void => {
  setCurrentDetails(details.toString());
};

/** A link to another workflow of this namespace, for the Web UI. */
export const workflowLink = (workflowId: string): Markdown =>
  linkTo(workflowId, workflowPath(workflowInfo().namespace, workflowId));
