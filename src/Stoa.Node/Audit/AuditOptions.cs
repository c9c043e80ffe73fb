namespace Stoa.Node.Audit;

/// <summary>How much of the address of a caller is kept.</summary>
public enum KeptAddress
{
    /// <summary>The network: the first three numbers of an IPv4 address, the first 48 bits of an IPv6 address.</summary>
    Truncated,

    /// <summary>All of it.</summary>
    Whole,

    /// <summary>Nothing of it.</summary>
    None,
}

/// <summary>The log of what was done over the API.</summary>
public sealed record AuditOptions
{
    /// <summary>How much of the address of a caller is kept: <c>truncated</c> (the network), <c>whole</c> or <c>none</c>. Default <c>truncated</c>.</summary>
    public KeptAddress Address { get; init; } = KeptAddress.Truncated;

    /// <summary>For how many days entries are kept; what is left of the log can still be verified. Default 0: for ever.</summary>
    public int KeepDays { get; init; }

    /// <summary>For how long entries of tasks and other bulk are gathered before they are written as one block, in milliseconds. A node that dies loses them. Default 50.</summary>
    public int GatherMs { get; init; } = 50;

    /// <summary>How many refusals are written down in a minute at one node, so that nobody can fill its disk by failing; the others are counted. Default 600.</summary>
    public int RefusalsPerMinute { get; init; } = 600;

    public IEnumerable<string> Validate()
    {
        if (KeepDays is < 0 or > 36_500)
            yield return "Audit:KeepDays is from 0, which is for ever, to 36500.";
        if (GatherMs is < 1 or > 10_000)
            yield return "Audit:GatherMs is from 1 to 10000.";
        if (RefusalsPerMinute < 0)
            yield return "Audit:RefusalsPerMinute is at least 0.";
    }
}
