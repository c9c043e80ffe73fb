using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>What a manifest promises of its creator's share: to a person, or to those who made another agent.</summary>
/// <param name="To">A handle; null where an agent is named.</param>
/// <param name="Agent">A version of an agent; null where a person is named.</param>
/// <param name="Permille">1 to 1,000. All terms of a manifest together promise no more than 1,000; the rest is the publisher's.</param>
public sealed record RoyaltyTerm(string? To, ListingName? Agent, int Permille)
{
    /// <summary>Most terms of a manifest.</summary>
    public const int MostTerms = 16;

    /// <summary>The whole of a share.</summary>
    public const int Whole = 1_000;
}

/// <summary>A term as it was when the version was published. A version never changes, and neither does who is meant.</summary>
/// <param name="Permille">As in the term.</param>
/// <param name="Payee">The person, or the publisher of the other agent.</param>
/// <param name="Handle">Of the payee, when the version was published.</param>
/// <param name="Source">The other agent's version, whose own royalties apply to this part; null for a person.</param>
public sealed record Royalty(int Permille, Id<User> Payee, string Handle, Id<AgentVersion>? Source);

/// <summary>To whom a creator's share goes: to the publisher, and along the royalties to everybody else who had a part in the agent.</summary>
/// <param name="Payee">The publisher, or the person.</param>
/// <param name="Handle">Of the payee.</param>
/// <param name="Agent">For what: the version. Of a person it is the version that promises.</param>
/// <param name="Branches">What of it goes on to others.</param>
public sealed record RoyaltyTree(Id<User> Payee, string Handle, ListingName Agent, IReadOnlyList<RoyaltyBranch> Branches)
{
    /// <summary>How many agents may build on each other.</summary>
    public const int MostLevels = 8;

    /// <summary>How many parts a share may fall into.</summary>
    public const int MostParts = 64;

    /// <summary>How many levels there are, from 1.</summary>
    public int Levels => 1 + Branches.Select(branch => branch.Tree.Levels).DefaultIfEmpty(0).Max();

    /// <summary>Into how many parts a share falls.</summary>
    public int Parts => 1 + Branches.Sum(branch => branch.Tree.Parts);

    /// <summary>Everybody who is paid.</summary>
    public IEnumerable<Id<User>> Payees => Branches.SelectMany(branch => branch.Tree.Payees).Prepend(Payee).Distinct();

    /// <summary>Shares an amount out, at each level by largest remainder: the parts sum exactly to it.</summary>
    /// <returns>A part for each payee and agent, the publisher's first; parts of nothing are left out.</returns>
    public IReadOnlyList<RoyaltyPart> Split(Money amount)
    {
        var parts = new List<RoyaltyPart>();
        SplitInto(parts, amount);
        return [.. parts
            .GroupBy(part => (part.Payee, part.Handle, part.Agent))
            .Select(same => new RoyaltyPart(same.Key.Payee, same.Key.Handle, same.Key.Agent, same.Aggregate(Money.Zero, (sum, part) => sum + part.Amount)))
            .Where(part => part.Amount > Money.Zero)];
    }

    private void SplitInto(List<RoyaltyPart> parts, Money amount)
    {
        var weights = new long[Branches.Count + 1];
        weights[0] = RoyaltyTerm.Whole;
        for (var index = 0; index < Branches.Count; index++)
        {
            weights[index + 1] = Branches[index].Permille;
            weights[0] -= Branches[index].Permille;
        }

        var amounts = amount.Split(weights);
        parts.Add(new RoyaltyPart(Payee, Handle, Agent, amounts[0]));
        for (var index = 0; index < Branches.Count; index++)
            Branches[index].Tree.SplitInto(parts, amounts[index + 1]);
    }
}

/// <summary>What of a share goes on.</summary>
/// <param name="Permille">Of the share.</param>
/// <param name="Tree">To whom.</param>
public sealed record RoyaltyBranch(int Permille, RoyaltyTree Tree);

/// <summary>What one gets of a creator's share.</summary>
/// <param name="Payee">Who.</param>
/// <param name="Handle">Of the payee.</param>
/// <param name="Agent">For which version.</param>
/// <param name="Amount">Above zero.</param>
public sealed record RoyaltyPart(Id<User> Payee, string Handle, ListingName Agent, Money Amount);

/// <summary>Finds out who is meant by the royalties of a manifest, and reads those of a version along all that it is built on.</summary>
/// <param name="agents">The catalogue.</param>
/// <param name="users">Who has which handle.</param>
public sealed class Royalties(IAgentStore agents, IUserStore users)
{
    /// <summary>Looks up whom the terms of a manifest name.</summary>
    /// <param name="publisher">Who publishes it.</param>
    /// <param name="manifest">The manifest.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <returns>What is to be kept with the version, or <see cref="PublishRefusal.RoyaltiesInvalid"/> with every reason.</returns>
    public async Task<Outcome<IReadOnlyList<Royalty>, PublishRefusal>> PinAsync(User publisher, AgentManifest manifest, CancellationToken cancellationToken)
    {
        var pinned = new List<Royalty>();
        var errors = new List<FieldError>();
        for (var index = 0; index < manifest.Royalties.Count; index++)
        {
            var term = manifest.Royalties[index];
            if (term.Agent is { } source)
            {
                if (await agents.FindAsync(source, cancellationToken) is { } version)
                    pinned.Add(new Royalty(term.Permille, version.PublisherId, version.Publisher, version.Id));
                else
                    errors.Add(new FieldError($"/royalties/{index}/agent", (await agents.FindWithdrawnAsync(source, cancellationToken))?.ToString() ?? $"There is no agent {source}."));
            }
            else if (await users.FindByHandleAsync(term.To!, cancellationToken) is { } person)
            {
                pinned.Add(new Royalty(term.Permille, person.Id, person.Handle, Source: null));
            }
            else
            {
                errors.Add(new FieldError($"/royalties/{index}/to", $"Nobody has the handle '{term.To}'."));
            }
        }

        if (errors.Count == 0)
        {
            var tree = await ReadAsync(publisher.Id, publisher.Handle, new ListingName(publisher.Handle, manifest.Name, manifest.Version), pinned, cancellationToken);
            if (tree.Levels > RoyaltyTree.MostLevels)
                errors.Add(new FieldError("/royalties", $"The agents build on each other {tree.Levels} deep; at most {RoyaltyTree.MostLevels} are possible."));
            if (tree.Parts > RoyaltyTree.MostParts)
                errors.Add(new FieldError("/royalties", $"The creator's share would fall into {tree.Parts} parts; at most {RoyaltyTree.MostParts} are possible."));
        }

        return errors.Count == 0
            ? pinned
            : new Refusal<PublishRefusal>(PublishRefusal.RoyaltiesInvalid, "The royalties of agent.json cannot be paid; mend what is listed and publish again.", errors);
    }

    /// <summary>To whom the creator's share of a version goes; null when all of it is the publisher's.</summary>
    public async Task<RoyaltyTree?> OfAsync(AgentVersion version, CancellationToken cancellationToken) => version.Royalties.Count == 0
        ? null
        : await ReadAsync(version.PublisherId, version.Publisher, version.Listing, version.Royalties, cancellationToken);

    // Each version was checked when it was published, and names only versions that were there before: this ends.
    private async Task<RoyaltyTree> ReadAsync(
        Id<User> payee, string handle, ListingName agent, IReadOnlyList<Royalty> royalties, CancellationToken cancellationToken)
    {
        var branches = new List<RoyaltyBranch>(royalties.Count);
        foreach (var royalty in royalties)
        {
            if (royalty.Source is not { } source)
            {
                branches.Add(new RoyaltyBranch(royalty.Permille, new RoyaltyTree(royalty.Payee, royalty.Handle, agent, [])));
                continue;
            }

            var version = await agents.GetAsync(source, cancellationToken)
                ?? throw new InvalidOperationException($"The version {source}, on which {agent} is built, is not in the catalogue.");
            branches.Add(new RoyaltyBranch(
                royalty.Permille, await ReadAsync(version.PublisherId, version.Publisher, version.Listing, version.Royalties, cancellationToken)));
        }

        return new RoyaltyTree(payee, handle, agent, branches);
    }
}
