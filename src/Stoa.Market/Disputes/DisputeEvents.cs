using Stoa.Market.Events;

namespace Stoa.Market.Disputes;

/// <summary>What is told of disputes, to the owner of the task.</summary>
/// <remarks>Data members: <c>disputeId</c>, <c>taskId</c>, <c>price</c>, and of a decision <c>verdict</c> and <c>detail</c>.</remarks>
public static class DisputeEvents
{
    /// <summary>It was opened.</summary>
    public static NewEvent Opened(Dispute dispute) => About(EventTypes.DisputeOpened, dispute, null, dispute.OpenedAt);

    /// <summary>It is over.</summary>
    public static NewEvent Decided(Dispute dispute, DisputeState.Decided decided) => About(EventTypes.DisputeDecided, dispute, decided, decided.At);

    private static NewEvent About(string type, Dispute dispute, DisputeState.Decided? decided, DateTimeOffset at) => NewEvent.Create(
        type, dispute.Id.ToString(), dispute.OwnerId, at, json =>
        {
            json.WriteString("disputeId", dispute.Id.ToString());
            json.WriteString("taskId", dispute.TaskId.ToString());
            json.WriteString("price", dispute.Price.ToString());
            if (decided is not null)
            {
                json.WriteString("verdict", Name(decided.Verdict));
                json.WriteString("detail", decided.Detail);
            }
        });

    /// <summary>The lower-case word for a verdict, as it is stored and sent.</summary>
    public static string Name(DisputeVerdict verdict) => verdict switch
    {
        DisputeVerdict.Upheld => "upheld",
        DisputeVerdict.Rejected => "rejected",
        DisputeVerdict.Undecided => "undecided",
        _ => throw new ArgumentOutOfRangeException(nameof(verdict)),
    };
}
