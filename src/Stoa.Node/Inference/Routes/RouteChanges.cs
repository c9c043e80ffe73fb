using Stoa.Market.Identity;
using Stoa.Node.Inference.Replicas;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Routes;

/// <summary>Sees to it that requests find what was changed before the change is answered.</summary>
/// <param name="directory">Reads the routes for everybody.</param>
/// <param name="routes">Keeps those of accounts.</param>
public sealed class RouteChanges(ReplicaDirectory directory, ModelRoutes routes)
{
    /// <summary>Routes were changed.</summary>
    /// <param name="owner">Whose; empty for those of the operator.</param>
    /// <param name="cancellationToken">Gives up; they are found two seconds later then.</param>
    public Task NoteAsync(Id<User> owner, CancellationToken cancellationToken)
    {
        routes.Forget(owner);
        return directory.RefreshAsync(cancellationToken);
    }
}
