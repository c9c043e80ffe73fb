namespace Stoa.Node.Privacy;

/// <summary>What erasure does with what a table holds about a person. Every table of the database has its case in <see cref="PersonalData"/>.</summary>
internal abstract record OnErasure
{
    private OnErasure()
    {
    }

    /// <summary>Rows are deleted.</summary>
    /// <param name="Where">Which, of the person with the id <c>@user</c>; null for those that are exported. There are <c>@handle</c> and <c>@email</c>, too.</param>
    /// <param name="Key">The columns that tell rows apart, with commas between; null for those that order an export.</param>
    internal sealed record Deleted(string? Where = null, string? Key = null) : OnErasure;

    /// <summary>Rows stay, and columns are overwritten.</summary>
    /// <param name="Set">What is written: as behind SET. There are <c>@pseudonym</c> and <c>@nothing</c>, the digest of no bytes.</param>
    /// <param name="While">Which rows still need it: once it is written to one, this is false for it.</param>
    /// <param name="Key">As of <see cref="Deleted"/>.</param>
    internal sealed record Overwritten(string Set, string While, string? Key = null) : OnErasure;

    /// <summary>A step of <see cref="ErasureSteps"/> sees to it.</summary>
    /// <param name="Step">Its name there.</param>
    internal sealed record ByStep(string Step) : OnErasure;

    /// <summary>Rows stay as they are.</summary>
    /// <param name="Why">For what reason; docs/privacy.md says the same.</param>
    internal sealed record Kept(string Why) : OnErasure;
}
