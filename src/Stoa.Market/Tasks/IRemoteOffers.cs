using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>A version of an agent that was not published here, as its publisher has listed it in the network.</summary>
/// <param name="Id">By which this cell knows it.</param>
/// <param name="Listing">By its publisher's key, with the version.</param>
/// <param name="Manifest">What it says of itself.</param>
/// <param name="ProgramDigest">Of its program.</param>
public sealed record ForeignAgent(Id<AgentVersion> Id, ListingName Listing, AgentManifest Manifest, ContentHash ProgramDigest);

/// <summary>Where suppliers of a task stand.</summary>
/// <param name="Regions">Only in one of these; empty: anywhere.</param>
/// <param name="Preferred">Better in one of these: who stands elsewhere ranks as if it answered a second later. Empty: no matter.</param>
public sealed record SupplyPlaces(IReadOnlyList<string> Regions, IReadOnlyList<string> Preferred)
{
    /// <summary>Anywhere.</summary>
    public static SupplyPlaces Any { get; } = new([], []);

    /// <summary>Whether nothing was said.</summary>
    public bool IsAny => Regions.Count == 0 && Preferred.Count == 0;
}

/// <summary>A run whose price suppliers are asked for.</summary>
/// <param name="Program">The program that is to run.</param>
/// <param name="InputBytes">Size of its input.</param>
/// <param name="Limits">The most that it may use.</param>
/// <param name="Places">Where they stand.</param>
public sealed record QuoteRequest(ContentHash Program, long InputBytes, AgentLimits Limits, SupplyPlaces Places);

/// <summary>Work for which an agent of the network is looked for.</summary>
/// <param name="Capabilities">All of these.</param>
/// <param name="InputBytes">Size of the input.</param>
/// <param name="Limits">They cut those of each agent.</param>
/// <param name="Places">Where nodes stand that are asked.</param>
/// <param name="Budget">Dearer suppliers are left out as long as there are others; null for any price.</param>
/// <param name="Takes">Whether an agent would do; nobody is asked for the price of one that would not.</param>
public sealed record RemoteSearch(
    IReadOnlyList<string> Capabilities, long InputBytes, RequestedLimits Limits, SupplyPlaces Places, Money? Budget, Func<IndexedAgent, bool> Takes);

/// <summary>What suppliers would do, and for how much: asked when a task is submitted or has to go elsewhere. Nobody is paid yet.</summary>
public interface IRemoteOffers
{
    /// <summary>What the network lists under a name; null when that is nothing, or something that was published here.</summary>
    /// <param name="named">By the publisher's key, or by a handle that a single publisher claims.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    Task<ForeignAgent?> FindAsync(ListingName named, CancellationToken cancellationToken);

    /// <summary>Agents of the network that can do some work and that suppliers would run now, each with the best of these.</summary>
    /// <param name="search">What is to be done.</param>
    /// <param name="cancellationToken">Stops asking.</param>
    Task<IReadOnlyList<NetworkCandidate>> ListCandidatesAsync(RemoteSearch search, CancellationToken cancellationToken);

    /// <summary>Where suppliers of a task stand, as its consumer has said.</summary>
    Task<SupplyPlaces> FindPlacesAsync(Id<AgentTask> task, CancellationToken cancellationToken);

    /// <summary>What a task can cost at most at the suppliers that would get it, one after the other.</summary>
    /// <param name="request">What is to be done.</param>
    /// <param name="most">Dearer ones are left out as long as there are others; null for any price.</param>
    /// <param name="cancellationToken">Stops asking.</param>
    /// <returns>The dearest of those quotes, or <see cref="TaskRefusal.SupplierUnavailable"/>.</returns>
    Task<Outcome<Money, TaskRefusal>> QuoteAsync(QuoteRequest request, Money? most, CancellationToken cancellationToken);

    /// <summary>The version of this cell that has a program under a name, and calls nobody; null when none is offered here.</summary>
    Task<AgentVersion?> FindHereAsync(ContentHash program, string name, CancellationToken cancellationToken);

    /// <summary>What each supplier would take for a run that is to be compared with others, the best first.</summary>
    /// <param name="request">What is to be done.</param>
    /// <param name="name">Of the agent: what a program is told must be the same everywhere.</param>
    /// <param name="cancellationToken">Stops asking.</param>
    Task<IReadOnlyList<Money>> QuoteRunsAsync(QuoteRequest request, string name, CancellationToken cancellationToken);
}
