using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Builds;

/// <summary>Who may read which content. A digest is not a password: content belongs to those who brought it or were given it.</summary>
public interface IContentOwners
{
    /// <summary>Lets a user read the content; null makes it public, as an agent's program is.</summary>
    Task GrantAsync(ContentDescriptor content, Id<User>? owner, CancellationToken cancellationToken);

    /// <summary>Whether the user (null: an anonymous reader) may read it.</summary>
    Task<bool> MayReadAsync(ContentHash digest, Id<User>? reader, CancellationToken cancellationToken);
}
