namespace Stoa.Faults.Load;

/// <summary>How much of each kind is submitted.</summary>
/// <param name="Weights">Proportions.</param>
internal sealed record WorkMix(IReadOnlyDictionary<WorkKind, int> Weights)
{
    /// <summary>Everything.</summary>
    public static WorkMix All { get; } = new(new Dictionary<WorkKind, int>
    {
        [WorkKind.Quick] = 40,
        [WorkKind.Urgent] = 2,
        [WorkKind.Busy] = 12,
        [WorkKind.Long] = 3,
        [WorkKind.Large] = 4,
        [WorkKind.Uploaded] = 2,
        [WorkKind.Delayed] = 6,
        [WorkKind.ByRequirement] = 8,
        [WorkKind.Auctioned] = 4,
        [WorkKind.Regional] = 4,
        [WorkKind.Batch] = 1,
        [WorkKind.Flaky] = 8,
        [WorkKind.Failing] = 6,
        [WorkKind.Cancelled] = 3,
        [WorkKind.Calling] = 6,
        [WorkKind.Spoiled] = 2,
    });

    /// <summary>The next one's kind.</summary>
    public WorkKind Draw(Random random)
    {
        var place = random.Next(Weights.Values.Sum());
        foreach (var (kind, weight) in Weights)
        {
            place -= weight;
            if (place < 0)
                return kind;
        }

        throw new InvalidOperationException("The weights have another sum than their sum.");
    }
}
