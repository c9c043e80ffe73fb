using Stoa.Primitives;

namespace Stoa.Node.Ledger;

/// <summary>Money from outside.</summary>
public sealed record LedgerOptions
{
    /// <summary>Credit of the first administrator's wallet, so that a new node can be tried at once, in US dollars. Default 10; 0 for none.</summary>
    public string OpeningCredit { get; init; } = "10.000000000";

    /// <summary>The opening credit as money.</summary>
    public Money OpeningCreditAmount => Money.Parse(OpeningCredit);

    public IEnumerable<string> Validate()
    {
        if (!Money.TryParse(OpeningCredit, out var amount) || amount < Money.Zero)
            yield return "Ledger:OpeningCredit is an amount in US dollars such as 10 or 2.50, not negative.";
    }
}
