using Stoa.Node.Builds;

namespace Stoa.Node.PayPerCall;

/// <summary>Whether this node sells single calls of agents, and answers of models, to whoever pays for them out of a payment channel.</summary>
public sealed record PayPerCallOptions
{
    /// <summary>Handle of the account that sells: channels pay it, and it pays for the tasks. Use it for nothing else. Default empty: nothing is sold.</summary>
    public string Payee { get; init; } = "";

    /// <summary>How long the line is held for the end of a call, in seconds. Later its result is fetched. Default 30.</summary>
    public int WaitSeconds { get; init; } = 30;

    /// <summary>How often the node looks for calls that have ended and channels that are closed, in milliseconds. Default 2,000.</summary>
    public int PollMs { get; init; } = 2_000;

    /// <summary>Largest input of a call, in bytes, from 1 MiB to 1 TiB. One above 1 MiB comes once the call is paid for, goes to the content store, and is deleted when the last call that has it has ended. Default 64 MiB.</summary>
    public long MaxInputBytes { get; init; } = 64L << 20;

    /// <summary>What inputs above 1 MiB of calls that one channel pays for may have together, in bytes, until the calls have ended; at least <see cref="MaxInputBytes"/>. Default 256 MiB.</summary>
    public long MaxInputBytesPerChannel { get; init; } = 256L << 20;

    /// <summary>How many inputs above 1 MiB are on their way to this node at a time. When there are as many, the one that is slowest against <see cref="MinInputBytesPerSecond"/> gives way, or one of whoever has more of them than the newcomer, or one of a call that costs nothing to one that does; else more are refused with 503 <c>inputsBusy</c>. 1 to 1,000. Default 16.</summary>
    public int MaxUploads { get; init; } = 16;

    /// <summary>How many of these are for calls that one account pays for, out of whichever channels, and at most half of <see cref="MaxUploads"/>; more are refused with 429 <c>inputsTooMany</c>. 1 to 1,000. Default 4.</summary>
    public int MaxUploadsPerPayer { get; init; } = 4;

    /// <summary>The slowest at which an input above 1 MiB may come, in bytes per second; it has as long as it takes at that, and <see cref="UploadGraceSeconds"/>. 1,024 to 1,073,741,824. Default 131,072.</summary>
    public int MinInputBytesPerSecond { get; init; } = 128 << 10;

    /// <summary>How much longer an input may take to arrive, in seconds: 1 to 3,600. Default 30.</summary>
    public int UploadGraceSeconds { get; init; } = 30;

    /// <summary>How long outputs above 64 KiB of calls that have ended are kept to be fetched, in days: 1 to 3,650. Until then they count for the account that sells. Default 7.</summary>
    public int KeepOutputDays { get; init; } = 7;

    /// <summary>How long such an output is kept once it was fetched, in minutes, should the answer have been lost on its way: 10 to 525,600. Default 15.</summary>
    public int KeepFetchedOutputMinutes { get; init; } = 15;

    /// <summary>What outputs above 64 KiB of calls that one account pays for, out of whichever channels, may take up together, in bytes: those that are kept, and those of calls that have not ended at their limits. A call that could exceed it is refused before it runs, with 429 <c>outputsTooMany</c>. 1 MiB to 1 PiB. Default 4 GiB.</summary>
    public long MaxOutputBytesPerPayer { get; init; } = 4L << 30;

    /// <summary>What the outputs of all calls that are paid for one by one may take up together, in bytes, counted likewise; beyond it 503 <c>outputsBusy</c>. At least <see cref="MaxOutputBytesPerPayer"/>; less than the account that sells may have. Default 32 GiB.</summary>
    public long MaxOutputBytes { get; init; } = 32L << 30;

    /// <summary>Whether answers of the models that this node serves are sold too, at what its own users pay. Default true.</summary>
    public bool Models { get; init; } = true;

    /// <summary>Whether models that cost nothing are answered so too: whoever has a channel could ask them without end. Default false.</summary>
    public bool FreeModels { get; init; }

    /// <summary>How many requests for answers may be under way that one channel pays for; more are refused with 429 <c>answersTooMany</c>. 1 to 100,000. Default 1,000.</summary>
    public int MaxAnswersOfChannel { get; init; } = 1_000;

    /// <summary>How many requests for answers one channel may pay for in a minute at this node; more are refused with 429 <c>rateLimited</c>. 1 to 100,000,000. Default 600,000.</summary>
    public int AnswersPerMinuteOfChannel { get; init; } = 600_000;

    /// <summary>How many requests for answers one address may make in a minute that come without a payment, or are not signed by the payer of the channel; more are refused unlooked at, with 429 <c>rateLimited</c>. 1 to 1,000,000. Default 600.</summary>
    public int RefusedAnswersPerMinute { get; init; } = 600;

    /// <summary>How many requests for answers that one channel's payer has signed may end unpaid in a minute, of whatever cause: too little credit, a body that was not signed or cannot be read, one that came before, one that nobody answered. More of the channel are refused before they are read, with 429 <c>rateLimited</c>. 1 to 1,000,000. Default 3,000.</summary>
    public int UnpaidAnswersPerMinuteOfChannel { get; init; } = 3_000;

    // A day: timers take no more than 49.
    private const double LongestUploadSeconds = 86_400;

    /// <summary>How long an input of that size may take to arrive.</summary>
    internal TimeSpan UploadTimeOf(long inputBytes) => TimeSpan.FromSeconds(Math.Min(UploadGraceSeconds + ((double)inputBytes / MinInputBytesPerSecond), LongestUploadSeconds));

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (WaitSeconds is < 0 or > 300)
            yield return "PayPerCall:WaitSeconds is from 0 to 300.";
        if (PollMs is < 10 or > 60_000)
            yield return "PayPerCall:PollMs is from 10 to 60000.";
        if (MaxInputBytes is < 1L << 20 or > 1L << 40)
            yield return $"PayPerCall:MaxInputBytes is from {1L << 20} to {1L << 40}.";
        if (MaxInputBytesPerChannel < MaxInputBytes || MaxInputBytesPerChannel > 1L << 50)
            yield return $"PayPerCall:MaxInputBytesPerChannel is from PayPerCall:MaxInputBytes to {1L << 50}.";
        if (MaxUploads is < 1 or > 1_000)
            yield return "PayPerCall:MaxUploads is from 1 to 1000.";
        if (MaxUploadsPerPayer is < 1 or > 1_000)
            yield return "PayPerCall:MaxUploadsPerPayer is from 1 to 1000.";
        if (MinInputBytesPerSecond is < 1_024 or > 1 << 30)
            yield return $"PayPerCall:MinInputBytesPerSecond is from 1024 to {1 << 30}.";
        if (UploadGraceSeconds is < 1 or > 3_600)
            yield return "PayPerCall:UploadGraceSeconds is from 1 to 3600.";
        if (KeepOutputDays is < 1 or > 3_650)
            yield return "PayPerCall:KeepOutputDays is from 1 to 3650.";
        // Bytes that have just come are not deleted for as long: what is let go of sooner would be on the disk and count for nobody.
        if (KeepFetchedOutputMinutes < ReleasedContent.Settling.TotalMinutes || KeepFetchedOutputMinutes > 525_600)
            yield return $"PayPerCall:KeepFetchedOutputMinutes is from {ReleasedContent.Settling.TotalMinutes} to 525600.";
        if (MaxOutputBytesPerPayer is < 1L << 20 or > 1L << 50)
            yield return $"PayPerCall:MaxOutputBytesPerPayer is from {1L << 20} to {1L << 50}.";
        if (MaxAnswersOfChannel is < 1 or > 100_000)
            yield return "PayPerCall:MaxAnswersOfChannel is from 1 to 100000.";
        if (AnswersPerMinuteOfChannel is < 1 or > 100_000_000)
            yield return "PayPerCall:AnswersPerMinuteOfChannel is from 1 to 100000000.";
        if (RefusedAnswersPerMinute is < 1 or > 1_000_000)
            yield return "PayPerCall:RefusedAnswersPerMinute is from 1 to 1000000.";
        if (UnpaidAnswersPerMinuteOfChannel is < 1 or > 1_000_000)
            yield return "PayPerCall:UnpaidAnswersPerMinuteOfChannel is from 1 to 1000000.";
        if (MaxOutputBytes < MaxOutputBytesPerPayer || MaxOutputBytes > 1L << 50)
            yield return $"PayPerCall:MaxOutputBytes is from PayPerCall:MaxOutputBytesPerPayer to {1L << 50}.";
    }
}
