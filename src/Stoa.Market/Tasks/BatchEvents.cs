using Stoa.Market.Events;

namespace Stoa.Market.Tasks;

/// <summary>What is told about a batch; its consumer sees it.</summary>
/// <remarks>Data members: <c>batchId</c>, <c>size</c>, <c>succeeded</c>, <c>failed</c>, <c>cancelled</c>, <c>cost</c>.</remarks>
public static class BatchEvents
{
    /// <summary>How far it is: its end when all of its tasks have ended.</summary>
    public static NewEvent Progress(TaskBatch batch, DateTimeOffset now) => NewEvent.Create(
        batch.Ended == batch.Size ? EventTypes.BatchEnded : EventTypes.BatchProgress, batch.Id.ToString(), batch.OwnerId, now, json =>
        {
            json.WriteString("batchId", batch.Id.ToString());
            json.WriteNumber("size", batch.Size);
            json.WriteNumber("succeeded", batch.Succeeded);
            json.WriteNumber("failed", batch.Failed);
            json.WriteNumber("cancelled", batch.Cancelled);
            json.WriteString("cost", batch.Cost.ToString());
        });
}
