namespace Stoa.Client.Contracts;

/// <summary><c>PUT /api/v1/organisations/{organisation}/identity-provider</c>: the OpenID Connect provider by which its people sign in.</summary>
/// <param name="Issuer">Exactly as the provider writes it, such as <c>https://login.example.org</c>.</param>
/// <param name="ClientId">Under which this node is registered at the provider.</param>
/// <param name="Domains">1 to 20 domains of e-mail addresses, in lower case. Nobody else is let in.</param>
/// <param name="ClientSecret">Kept sealed and never shown; left out to keep the one that there is for the same issuer and client id.</param>
/// <param name="TrustsEmail">Whether addresses count as verified of which the provider does not say so. Only for a provider where people cannot write in addresses themselves.</param>
/// <param name="RoleClaim">The claim whose values give roles, such as <c>groups</c>; left out when roles are given here.</param>
/// <param name="Roles"><c>viewer</c>, <c>developer</c> or <c>admin</c> for values of that claim. Of several the highest counts; without any, somebody is a viewer.</param>
/// <param name="Scopes">What is asked for beside <c>openid email profile</c>, such as the scope that brings the claim.</param>
public sealed record SetIdentityProviderRequest(
    string Issuer,
    string ClientId,
    IReadOnlyList<string> Domains,
    string? ClientSecret = null,
    bool TrustsEmail = false,
    string? RoleClaim = null,
    IReadOnlyDictionary<string, string>? Roles = null,
    IReadOnlyList<string>? Scopes = null);

/// <summary>An organisation's identity provider. The client secret is never shown.</summary>
/// <param name="Issuer">Exactly as the provider writes it.</param>
/// <param name="ClientId">Under which this node is registered there.</param>
/// <param name="RedirectUri">What the provider has to send people back to.</param>
/// <param name="LoginUrl">Where people begin to sign in.</param>
/// <param name="Domains">Domains of the addresses that are let in.</param>
/// <param name="TrustsEmail">Whether addresses count as verified of which the provider does not say so.</param>
/// <param name="Roles">The role of each value of the claim.</param>
/// <param name="Scopes">What is asked for beside <c>openid email profile</c>.</param>
/// <param name="ChangedAt">When it was last set.</param>
/// <param name="RoleClaim">The claim whose values give roles; null when roles are given here.</param>
public sealed record IdentityProviderResponse(
    string Issuer,
    string ClientId,
    string RedirectUri,
    string LoginUrl,
    IReadOnlyList<string> Domains,
    bool TrustsEmail,
    IReadOnlyDictionary<string, string> Roles,
    IReadOnlyList<string> Scopes,
    DateTimeOffset ChangedAt,
    string? RoleClaim = null);

/// <summary>What a test of the connection has found. <c>POST /api/v1/organisations/{organisation}/identity-provider/test</c>.</summary>
/// <param name="Passed">Whether all is as it must be.</param>
/// <param name="Checks">In the order in which they were made; later ones are left out when an earlier one fails.</param>
public sealed record IdentityProviderTestResponse(bool Passed, IReadOnlyList<IdentityProviderCheckBody> Checks);

/// <summary>One thing that was looked at.</summary>
/// <param name="Name"><c>discovery</c>: the provider's documents, its issuer and its keys; <c>client</c>: whether it takes client id and secret.</param>
/// <param name="Passed">Whether it is as it must be.</param>
/// <param name="Detail">What was found, and what to do.</param>
public sealed record IdentityProviderCheckBody(string Name, bool Passed, string Detail);

/// <summary>Where people of an organisation sign in. <c>GET /api/v1/single-sign-on/{handle}</c>.</summary>
/// <param name="Organisation">Its handle.</param>
/// <param name="LoginUrl">To be opened in a browser with <c>code_challenge</c>, <c>state</c> and, where a program listens, <c>port</c>.</param>
public sealed record SingleSignOnResponse(string Organisation, string LoginUrl);

/// <summary><c>POST /api/v1/sessions/single-sign-on</c>: opens a session after a sign-in at a provider.</summary>
/// <param name="Code">As the browser brought it or shows it.</param>
/// <param name="Verifier">43 to 128 characters: of the challenge that the sign-in was begun with (RFC 7636).</param>
/// <param name="SecondFactor">Six digits of the authenticator, or a recovery code, where a linked account has a second factor.</param>
public sealed record SingleSignOnRequest(string Code, string Verifier, string? SecondFactor = null);

/// <summary><c>POST /api/v1/users/me/identities</c>: has an identity of a provider open the caller's account.</summary>
/// <param name="Code">As the browser brought it or shows it.</param>
/// <param name="Verifier">43 to 128 characters: of the challenge that the sign-in was begun with (RFC 7636).</param>
public sealed record LinkIdentityRequest(string Code, string Verifier);

/// <summary>An identity of a provider that opens the account.</summary>
/// <param name="Id">TypeID with prefix <c>ident</c>.</param>
/// <param name="Issuer">Of the provider.</param>
/// <param name="Subject">What the provider calls the person, and nobody else.</param>
/// <param name="Email">The address as the provider said it last.</param>
/// <param name="CreatedAt">Since when it opens the account.</param>
/// <param name="UsedAt">When it was last signed in with.</param>
public sealed record IdentityResponse(string Id, string Issuer, string Subject, string Email, DateTimeOffset CreatedAt, DateTimeOffset UsedAt);
