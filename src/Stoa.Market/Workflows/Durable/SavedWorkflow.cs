using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Workflows.Durable;

/// <summary>A version of a workflow that is kept by its name, to be run. It never changes: another document is another version.</summary>
/// <param name="Id">Its own.</param>
/// <param name="OwnerId">Who may run it.</param>
/// <param name="Name">As the document says.</param>
/// <param name="Version">From 1, counted by name.</param>
/// <param name="Digest">SHA-256 of the document.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record SavedWorkflow(Id<SavedWorkflow> Id, Id<User> OwnerId, string Name, int Version, ContentHash Digest, DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "flow";

    /// <summary>Most versions of all workflows of one account.</summary>
    public const int MaxPerUser = 1_000;
}
