import { ApplicationFailure } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { SagaOrder } from '../domain/order-saga.ts';
import { traceIdOf } from './saga-starters.ts';
import type { StepMetrics } from './worker-metrics.ts';

/** Times each attempt of a saga step, and puts order id and trace id into what the SDK logs about it. */
export const observeSteps =
  (metrics: StepMetrics): ActivityInterceptorsFactory =>
  ({ info: { activityType: step } }) => {
    let order: SagaOrder | undefined;
    return {
      inbound: {
        execute: async (input, next) => {
          order = input.args[0] as SagaOrder;
          const startedAt = performance.now();
          const ended = (code?: string): void => {
            metrics.ended(step, (performance.now() - startedAt) / 1_000, code);
          };
          try {
            const result = await next(input);
            ended();
            return result;
          } catch (error) {
            ended(error instanceof ApplicationFailure ? (error.type ?? 'FAILED') : 'FAILED');
            throw error;
          }
        },
      },
      outbound: {
        getLogAttributes: (input, next) =>
          next(order ? { ...input, orderId: order.id, traceId: traceIdOf(order) } : input),
      },
    };
  };
