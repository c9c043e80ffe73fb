using System.Security.Cryptography;
using System.Text;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.SingleSignOn;

/// <summary>What the client wants to be told when the sign-in is done.</summary>
/// <param name="Challenge">See <see cref="CodeChallenge"/>.</param>
/// <param name="State">Given back as it is.</param>
/// <param name="Port">Where it listens on the loopback interface; null when the person carries the code.</param>
internal sealed record SignOnClient(string? Challenge, string? State, string? Port)
{
    private const int StateLengthMax = 128;

    /// <summary>The port as a number; null for none.</summary>
    public int? PortNumber => ushort.TryParse(Port, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>Whether all is as it must be.</summary>
    public bool IsValid => Challenge is not null && CodeChallenge.IsChallenge(Challenge)
        && State is { Length: > 0 and <= StateLengthMax } && State.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' or '~')
        && (Port is null || PortNumber is > 0);
}

/// <summary>What a provider has sent a browser back with.</summary>
internal sealed record ProviderAnswerQuery(string? State, string? Code, string? Error, string? Issuer);

/// <summary>A sign-in that was let through: its client is told this code.</summary>
internal sealed record SignOnPass(OneTimeCode Code);

/// <summary>The middle of a sign-in: sends browsers to providers, and takes what they come back with.</summary>
public sealed class SignOnDesk(
    SqlIdentityProviderStore providers, SqlSignOnStore store, ProviderClient client, CellKey cell, SingleSignOnOptions options, Random random, TimeProvider time)
{
    // 160 bits: it opens the door alone where somebody knows the verifier, too.
    private const int CodeGroups = 8;
    private const int CodeLengthMax = 4_096;

    private static readonly TimeSpan s_codeLifetime = TimeSpan.FromMinutes(5);

    /// <summary>Begins a sign-in.</summary>
    /// <returns>What the browser keeps, and where it goes; or why not.</returns>
    internal async Task<Outcome<(string Cookie, string Address), SingleSignOnRefusal>> BeginAsync(
        string organisation, SignOnClient asked, CancellationToken cancellationToken)
    {
        if (!options.IsOn)
            return Off();
        if (!asked.IsValid)
        {
            return new Refusal<SingleSignOnRefusal>(
                SingleSignOnRefusal.SignOnInvalid, "A sign-in is begun with code_challenge (43 characters, S256), state (1 to 128 of A-Z a-z 0-9 - . _ ~) and, where a program listens for the answer, port.");
        }

        if (!Names.IsHandle(organisation) || await providers.FindAsync(organisation, cancellationToken) is not var (provider, _))
            return Missing(organisation);
        var state = SignOnState.Begin(
            organisation, provider, asked.Challenge!, asked.State!, asked.PortNumber, random, time.GetUtcNow().AddMinutes(options.SignOnMinutes));
        try
        {
            return (state.Seal(cell), await client.BeginAsync(provider, state, cancellationToken));
        }
        catch (ProviderException failure)
        {
            return failure.ToRefusal();
        }
    }

    /// <summary>The sign-in of a browser; null when what it keeps is not of this cell.</summary>
    internal SignOnState? Open(string? cookie) => SignOnState.Open(cell, cookie);

    /// <summary>Whether a provider's answer belongs to the sign-in of a browser, and comes in time. Else nothing of it is believed.</summary>
    internal bool IsOf(SignOnState? state, string organisation, ProviderAnswerQuery answer) =>
        state is not null && answer.State is not null && state.Organisation == organisation && time.GetUtcNow() < state.EndsAt
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(state.State), Encoding.UTF8.GetBytes(answer.State));

    /// <summary>Takes a provider's answer to the sign-in that it belongs to.</summary>
    internal async Task<Outcome<SignOnPass, SingleSignOnRefusal>> ReceiveAsync(SignOnState state, ProviderAnswerQuery answer, CancellationToken cancellationToken)
    {
        if (await providers.FindAsync(state.Organisation, cancellationToken) is not var (provider, secret) || provider.Issuer != state.Issuer || provider.ClientId != state.ClientId)
            return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.SignOnUnknown, "The provider of the organisation was changed in the meantime. Begin again.");
        try
        {
            if (!await client.IsOfIssuerAsync(provider, answer.Issuer, cancellationToken))
                return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.SignOnIssuerWrong, "The answer does not name the issuer that was asked (iss). Begin again; if it comes again, tell an administrator of the organisation.");
            if (answer.Error is { } error)
                return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.SignOnDenied, $"The provider says {ProviderClient.Plain(error)}. Begin again, or ask who administers it.");
            if (answer.Code is not { Length: > 0 and <= CodeLengthMax } code)
                return new Refusal<SingleSignOnRefusal>(SingleSignOnRefusal.SignOnDenied, "The provider has sent neither a code nor an error. Begin again.");
            var stateHash = ContentHash.Of(Encoding.UTF8.GetBytes(state.State));
            if (await store.IsUsedAsync(stateHash, cancellationToken))
                return Replayed();
            return (await client.RedeemAsync(provider, secret, state, code, cancellationToken)).TryGet(out var identity, out var refusal)
                ? await PassAsync(provider, state, stateHash, identity, cancellationToken)
                : refusal;
        }
        catch (ProviderException failure)
        {
            return failure.ToRefusal();
        }
    }

    /// <summary>The refusal of a node that does not know where browsers reach it.</summary>
    internal static Refusal<SingleSignOnRefusal> Off() =>
        new(SingleSignOnRefusal.SingleSignOnOff, "Nobody signs in by a provider at this node: its operator has not set SingleSignOn:PublicUrl.");

    /// <summary>The refusal of an organisation without a provider, and of one that is not there.</summary>
    internal static Refusal<SingleSignOnRefusal> Missing(string organisation) =>
        new(SingleSignOnRefusal.IdentityProviderMissing, $"There is no organisation {(Names.IsHandle(organisation) ? organisation : "of this name")} with an identity provider. Check the handle, or sign in with a password.");

    private async Task<Outcome<SignOnPass, SingleSignOnRefusal>> PassAsync(
        IdentityProvider provider, SignOnState state, ContentHash stateHash, ProvenIdentity identity, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var code = OneTimeCode.Create(CodeGroups, random);
        var grant = new SignOnGrant(
            stateHash, provider.OrganisationId, provider.ClientId, state.Challenge, identity, now + s_codeLifetime, state.EndsAt + s_codeLifetime);
        return await store.AddAsync(grant, code.Hash, cancellationToken) ? new SignOnPass(code) : Replayed();
    }

    private static Refusal<SingleSignOnRefusal> Replayed() =>
        new(SingleSignOnRefusal.SignOnReplayed, "This answer of the provider came before. Begin again if you have not signed in by it.");
}
