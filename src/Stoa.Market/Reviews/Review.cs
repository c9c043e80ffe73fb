using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Reviews;

/// <summary>What a consumer says of an agent, in all of its versions, on the strength of a receipt. Each consumer has one about each agent.</summary>
/// <param name="Id">Of this writing: one that is withdrawn and written again has another.</param>
/// <param name="Agent"><c>publisher/name</c>.</param>
/// <param name="Version">The version that did the task, in full.</param>
/// <param name="PublisherId">Who may answer.</param>
/// <param name="ReviewerId">Who wrote it.</param>
/// <param name="Reviewer">That user's handle.</param>
/// <param name="TaskId">The task whose receipt it stands on.</param>
/// <param name="Stars">1 to 5.</param>
/// <param name="Text">Null for none.</param>
/// <param name="WrittenAt">When it was first written, UTC.</param>
/// <param name="ChangedAt">When it was written as it is now, UTC.</param>
/// <param name="Answer">The publisher's; null for none.</param>
public sealed record Review(
    Id<Review> Id,
    string Agent,
    ListingName Version,
    Id<User> PublisherId,
    Id<User> ReviewerId,
    string Reviewer,
    Id<AgentTask> TaskId,
    int Stars,
    string? Text,
    DateTimeOffset WrittenAt,
    DateTimeOffset ChangedAt,
    ReviewAnswer? Answer) : IIdentified
{
    public static string IdPrefix => "rev";

    /// <summary>Whether it says the same, of the same task.</summary>
    public bool SaysTheSameAs(Review other) => (Stars, Text, TaskId) == (other.Stars, other.Text, other.TaskId);
}

/// <summary>What a publisher answers to a review.</summary>
/// <param name="Text">Not empty.</param>
/// <param name="At">UTC.</param>
public sealed record ReviewAnswer(string Text, DateTimeOffset At);

/// <summary>How many reviews an agent has with how many stars: everyone can count them in the list.</summary>
/// <param name="Counts">Of one star to five, in this order.</param>
public sealed record Rating(IReadOnlyList<long> Counts)
{
    /// <summary>All of them.</summary>
    public long Count => Counts.Sum();

    /// <summary>The mean of the stars; null without reviews.</summary>
    public double? Average => Count == 0 ? null : Counts.Select((count, index) => (double)count * (index + 1)).Sum() / Count;
}
