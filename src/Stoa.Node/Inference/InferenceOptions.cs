using Stoa.Primitives;

namespace Stoa.Node.Inference;

/// <summary>How this node has requests to models paid.</summary>
public sealed record InferenceOptions
{
    /// <summary>How often what requests to models have cost is written to the ledger, in milliseconds. A killed process loses nothing of it; when the machine loses power, at most what was spent in that time is not paid. From 10 to 60000. Default 1,000.</summary>
    public int SettleMs { get; init; } = 1_000;

    /// <summary>US dollars that are held at least when an account begins to use a model here, if it has as much: for each account, API key with a spending limit and model. The more, the fewer holds; what is not spent is free again ten seconds after the last request. Default 0.01.</summary>
    public string AllowanceMin { get; init; } = "0.01";

    /// <summary>Most accounts, API keys with spending limits and models that are used together at this node within the same ten seconds; each takes 128 bytes of a file. From 64 to 1048576. Default 65,536.</summary>
    public int MaxAllowances { get; init; } = 65_536;

    internal Money LeastAllowance => Money.Parse(AllowanceMin);

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (SettleMs is < 10 or > 60_000)
            yield return "Inference:SettleMs is from 10 to 60000.";
        if (!Money.TryParse(AllowanceMin, out var least) || least <= Money.Zero || least > GreatestAllowance)
            yield return $"Inference:AllowanceMin is an amount in US dollars above 0, up to {GreatestAllowance}, such as 0.01.";
        if (MaxAllowances is < ChargeSlots.FirstCount or > 1 << 20)
            yield return $"Inference:MaxAllowances is from {ChargeSlots.FirstCount} to {1 << 20}.";
    }

    private static Money GreatestAllowance { get; } = Money.FromDollars(1_000);
}
