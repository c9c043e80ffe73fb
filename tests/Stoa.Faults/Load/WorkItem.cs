namespace Stoa.Faults.Load;

/// <summary>What a submission is like.</summary>
internal enum WorkKind
{
    /// <summary>Done in a moment.</summary>
    Quick,

    /// <summary>The same, past the consumer's other tasks.</summary>
    Urgent,

    /// <summary>Some milliseconds of work.</summary>
    Busy,

    /// <summary>Long enough to be in the middle of it when the fault comes.</summary>
    Long,

    /// <summary>Its output goes to the content store.</summary>
    Large,

    /// <summary>Its input was uploaded before, and its output goes to the content store.</summary>
    Uploaded,

    /// <summary>Due a little later.</summary>
    Delayed,

    /// <summary>It names the work only; of the two agents that can do it, one always fails.</summary>
    ByRequirement,

    /// <summary>The same, and the two of them bid for it.</summary>
    Auctioned,

    /// <summary>It asks for the region that the nodes stand in, and so waits in another queue.</summary>
    Regional,

    /// <summary>Up to a few hundred tasks of which a tenth fail, in one submission.</summary>
    Batch,

    /// <summary>Its agent says now and then that it may do better another time.</summary>
    Flaky,

    /// <summary>Its agent fails.</summary>
    Failing,

    /// <summary>It is cancelled soon after it was submitted.</summary>
    Cancelled,

    /// <summary>Its agent calls others, which call others, and gets over a call that fails.</summary>
    Calling,

    /// <summary>Its agent fails after a call that has succeeded: nobody is paid.</summary>
    Spoiled,
}

/// <summary>A submission that is repeated until it is answered.</summary>
/// <param name="Number">From 0.</param>
/// <param name="Kind">What it is like.</param>
/// <param name="DueAt">Of a delayed one.</param>
/// <param name="Consumer">Who submits it, by a session; null for the operator, by an API key.</param>
internal sealed record WorkItem(int Number, WorkKind Kind, DateTimeOffset? DueAt, KeptSession? Consumer)
{
    private string? _answer;

    /// <summary>The same in each repetition.</summary>
    public string Key => $"work-{Number}";

    /// <summary>The id of the task or batch that the first answer told; null as long as there was none.</summary>
    public string? Answer => _answer;

    /// <summary>Whether every one of its tasks has to succeed.</summary>
    public bool IsWellBehaved => Kind is not (WorkKind.Flaky or WorkKind.Failing or WorkKind.Cancelled or WorkKind.Batch or WorkKind.Spoiled);

    /// <summary>How many tasks a batch has.</summary>
    public int BatchSize => 2 + (Number * 31 % 200);

    /// <summary>Whether this task of a batch fails.</summary>
    public static bool IsFailing(int place) => place % 10 == 9;

    /// <summary>Takes an answer down.</summary>
    /// <returns>False when an earlier one told another id.</returns>
    public bool Take(string id) => Interlocked.CompareExchange(ref _answer, id, null) is not { } earlier || earlier == id;
}
