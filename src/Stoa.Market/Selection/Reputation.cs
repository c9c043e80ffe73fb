namespace Stoa.Market.Selection;

/// <summary>How much a receipt counts, and what is believed after all of them. The reasons are in docs/selection.md.</summary>
public static class Reputation
{
    /// <summary>How many receipts the opinion about unknown agents is worth.</summary>
    public const double PriorStrength = 2;

    /// <summary>The most other publishers of a payer that are counted: beyond 64 they could add 1.5 %.</summary>
    public const int MostOtherPublishers = 64;

    /// <summary>What a payer's next receipts about one agent count together.</summary>
    /// <remarks>
    /// The n-th receipt of one payer counts log₂((n + 1) / n): the first 1, the tenth 0.14. All of n together count log₂(1 + n), so
    /// a voice that speaks a thousand times is heard as ten.
    /// </remarks>
    /// <param name="before">Receipts of this payer about this agent so far, decayed to now.</param>
    /// <param name="more">How many are added.</param>
    /// <param name="otherPublishers">How many other publishers the payer has paid: an account that was made to praise one has paid none.</param>
    public static double WeightOf(double before, int more, int otherPublishers) =>
        Math.Log2((1 + before + more) / (1 + before)) * (1 + otherPublishers) / (2 + otherPublishers);

    /// <summary>The belief about failing at a task of a price.</summary>
    /// <param name="successes">Weight of the receipts of successes.</param>
    /// <param name="paid">What was paid for them, each payment by the weight of its receipt, in dollars.</param>
    /// <param name="faults">Weight of the faults.</param>
    /// <param name="price">The price of the task, in dollars.</param>
    /// <param name="prior">How often agents of this capability fail.</param>
    public static Belief Of(double successes, double paid, double faults, double price, double prior) => new(
        (PriorStrength * prior) + faults,
        // Receipts for a cent in all are no evidence for work that costs a dollar; faults at any price are.
        (PriorStrength * (1 - prior)) + (price > 0 ? Math.Min(successes, paid / price) : successes));
}

/// <summary>A Beta distribution over the chance to fail.</summary>
/// <param name="Failing">Its first parameter: faults, and the prior's part.</param>
/// <param name="Succeeding">Its second: successes, and the prior's part.</param>
public readonly record struct Belief(double Failing, double Succeeding)
{
    /// <summary>The expected chance to fail.</summary>
    public double Mean => Failing / (Failing + Succeeding);

    /// <summary>A chance to fail that it might have, drawn from the belief: Thompson sampling.</summary>
    public double Sample(Random random)
    {
        var failing = Gamma(Failing, random);
        var sum = failing + Gamma(Succeeding, random);
        return sum > 0 ? failing / sum : Mean;
    }

    /// <summary>Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000.</summary>
    private static double Gamma(double shape, Random random)
    {
        if (shape < 1)
            return Gamma(shape + 1, random) * Math.Pow(1 - random.NextDouble(), 1 / shape);
        var d = shape - (1 / 3.0);
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            var v = 1 + (c * normal);
            if (v <= 0)
                continue;
            v = v * v * v;
            if (Math.Log(1 - random.NextDouble()) < (0.5 * normal * normal) + (d * (1 - v + Math.Log(v))))
                return d * v;
        }
    }
}
