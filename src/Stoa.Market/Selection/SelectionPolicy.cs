namespace Stoa.Market.Selection;

/// <summary>How the best is chosen among those that could do a task.</summary>
public sealed record SelectionPolicy
{
    /// <summary>Of how many tasks in a hundred one may go to an agent about which little is known. Default 0.1, that is ten.</summary>
    public double ExplorationShare { get; init; } = 0.1;

    /// <summary>Candidates whose score is less than this below the best are as good as it: the load decides. Default 0.02.</summary>
    public double NearEqual { get; init; } = 0.02;

    /// <summary>How many candidates an explanation lists. Default 16.</summary>
    public int Listed { get; init; } = 16;
}
