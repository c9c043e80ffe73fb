using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Builds;

/// <summary>Who may read which content. A digest is not a password: content belongs to those who brought it or were given it.</summary>
public interface IContentOwners
{
    /// <summary>Notes content that a user brings and that may get no owner: unless it does, it is deleted some time after it came, and until then it counts for the user.</summary>
    /// <param name="content">Before it is stored.</param>
    /// <param name="user">Who brings it.</param>
    /// <param name="now">UTC.</param>
    /// <param name="cancellationToken">Notes nothing.</param>
    Task ExpectAsync(IReadOnlyList<ContentDescriptor> content, Id<User> user, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Whether the content is the user's own: what is public is not.</summary>
    Task<bool> OwnsAsync(ContentHash digest, Id<User> user, CancellationToken cancellationToken);

    /// <summary>Whether the user (null: an anonymous reader) may read it.</summary>
    Task<bool> MayReadAsync(ContentHash digest, Id<User>? reader, CancellationToken cancellationToken);
}
