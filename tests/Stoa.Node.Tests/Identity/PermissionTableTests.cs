using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using Microsoft.AspNetCore.Routing;
using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Node.Identity;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Http;

namespace Stoa.Node.Tests.Identity;

/// <summary>Who may do what: the whole table, walked against the running API.</summary>
public sealed class PermissionTableTests(PermissionTableTests.NodeForManySignIns shared) : IClassFixture<PermissionTableTests.NodeForManySignIns>
{
    private const string Organisation = "acme";
    private const string Export = "/api/v1/users/me/export";

    // What lies beside the API has its place in this list on purpose; none of it takes a caller's word for anything.
    private static readonly string[] s_beside =
        ["/", "/reference", "/problems", "/problems/{code}", "/favicon.ico", "/assets/{name}", "/login/{organisation}", "/login/{organisation}/callback", "/openapi/v1.json", "/.well-known/jwks.json", "/schemas/usage-event.v1.json", "/health", "/ready", "/metrics",
        .. StatementSchemas.Files.Select(file => "/schemas/" + file)];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    [Fact]
    public void Endpoint_OfTheApi_DeclaresWhatItNeeds()
    {
        var rows = TableRow.ReadAll(Node);

        rows.Count.ShouldBeGreaterThan(80);
        rows.Where(row => row.Need is null).Select(row => $"{row.Method} {row.Pattern}")
            .ShouldBeEmpty("each declares .Needs(Permission.…), .ForAnyCaller() or .OpenToAll(), and docs/permissions.md is written anew");
    }

    [Fact]
    public void Endpoint_BesideTheApi_IsKnown()
    {
        var beside = Node.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(endpoint => "/" + endpoint.RoutePattern.RawText?.Trim('/')).Where(pattern => !pattern.StartsWith("/api/", StringComparison.Ordinal) && !pattern.StartsWith("/v1/", StringComparison.Ordinal));

        beside.Except(s_beside).ShouldBeEmpty();
    }

    [Fact]
    public void Endpoint_OfOpenAisApi_NeedsThePermissionToUseModels()
    {
        var endpoints = Node.Service<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(endpoint => $"/{endpoint.RoutePattern.RawText?.Trim('/')}".StartsWith("/v1/", StringComparison.Ordinal)).ToList();

        endpoints.Count.ShouldBeGreaterThan(4);
        endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<AccessNeed>() is not { Permission: Permission.ModelsUse } || endpoint.Metadata.GetMetadata<Microsoft.AspNetCore.Authorization.IAllowAnonymous>() is not null)
            .Select(endpoint => endpoint.RoutePattern.RawText).ShouldBeEmpty();
    }

    [Fact]
    public void Document_IsTheTable()
    {
        var text = new StringBuilder($"{GeneratedDocsTests.Origin}\n\n# Permissions\n\n");
        text.Append("Every endpoint of the API needs one permission, or a caller, or nothing. Permissions come with the role: of a user on the own account, and of a member\n");
        text.Append("in the name of an organisation (header `Stoa-Organisation`, or an API key of the organisation). An API key has at most what its maker has at the time\n");
        text.Append("of the call, and of that only its scopes. [organisations.md](organisations.md) says how all of that works.\n\n");
        text.Append("## Roles\n\n| permission | user | node administrator | organisation: viewer | developer | admin | key with a spending limit |\n|---|---|---|---|---|---|---|\n");
        foreach (var permission in Enum.GetValues<Permission>())
        {
            text.Append(CultureInfo.InvariantCulture, $"| `{PermissionSet.WordOf(permission)}` | {Mark(Rights.OfPerson(UserRole.Member))} | {Mark(Rights.OfPerson(UserRole.Admin))} ");
            foreach (var role in Enum.GetValues<OrganisationRole>())
                text.Append(CultureInfo.InvariantCulture, $"| {Mark(Rights.OfMember(role))} ");
            text.Append(CultureInfo.InvariantCulture, $"| {(Rights.PastSpendingLimits.Contains(permission) ? "never" : "as its maker")} |\n");

            string Mark(PermissionSet rights) => rights.Contains(permission) ? "yes" : "";
        }

        text.Append("\n## Endpoints\n\n| needs | endpoint | operation |\n|---|---|---|\n");
        foreach (var row in TableRow.ReadAll(Node).OrderBy(row => row.Need?.Permission ?? (Permission)(-1)).ThenBy(row => row.IsOpen))
            text.Append(CultureInfo.InvariantCulture, $"| {NeedOf(row)} | `{row.Method} {row.Pattern}` | {row.Name} |\n");

        GeneratedDocsTests.ShouldBeWritten("permissions.md", text.ToString());
    }

    [Fact]
    public async Task Table_HoldsForEveryEndpointAndEveryCaller()
    {
        using var boss = await Node.NewMemberAsync("boss");
        await FoundAsync(boss, Organisation);
        // Money in the wallet keeps it from being deleted on the walk.
        (await Node.Admin.PostAsJsonAsync("/api/v1/deposits", new { handle = Organisation, amount = "1" }, Stop)).EnsureSuccessStatusCode();
        using var developer = await JoinAsync(boss, "devi", "developer");
        using var viewer = await JoinAsync(boss, "vera", "viewer");
        using var stranger = await Node.NewMemberAsync("stranger");
        using var other = await Node.NewMemberAsync("otto");
        await FoundAsync(other, "other-org");
        var callers = new List<TableCaller>
        {
            new("the owner of an account", stranger, Rights.OfPerson(UserRole.Member), null),
            new("an administrator of the node", Node.Admin, Rights.OfPerson(UserRole.Admin), null),
            Acting("an organisation's viewer", viewer, Organisation, OrganisationRole.Viewer),
            Acting("an organisation's developer", developer, Organisation, OrganisationRole.Developer),
            Acting("an organisation's admin", boss, Organisation, OrganisationRole.Admin),
            Acting("the admin of another organisation", other, "other-org", OrganisationRole.Admin) with { InOrganisation = null },
            new("a member by himself", developer, Rights.OfPerson(UserRole.Member), Rights.OfMember(OrganisationRole.Developer)),
        };
        foreach (var permission in Rights.OfMember(OrganisationRole.Admin).Without(PermissionSet.Of(Permission.OrganisationLeave)).Permissions)
            callers.Add(await KeyAsync(boss, Organisation, permission, Rights.OfMember(OrganisationRole.Admin)));
        foreach (var permission in Rights.OfPerson(UserRole.Member).Permissions)
            callers.Add(await KeyAsync(stranger, null, permission, Rights.OfPerson(UserRole.Member)));

        var faults = new List<string>();
        // Whoever leaves, or ends all sessions, is gone for all that comes after.
        var rows = TableRow.ReadAll(Node).OrderBy(row => row.Need?.Permission is Permission.OrganisationLeave || row is { Method: "DELETE", Pattern: "/api/v1/sessions" })
            .ThenBy(row => row.Pattern == "/api/v1/sessions").ToList();
        foreach (var row in rows)
        {
            await CheckAsync(row, new TableCaller("nobody", Node.Anonymous, default, null), row.IsOpen ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, faults);
            foreach (var caller in callers)
                await CheckAsync(row, caller, Expected(row, caller), faults);
        }

        faults.ShouldBeEmpty();
        (rows.Count * callers.Count).ShouldBeGreaterThan(2000);
    }

    [Fact]
    public async Task Organisation_ThatOneDoesNotBelongTo_CannotBeActedFor()
    {
        using var founder = await Node.NewMemberAsync("fiona");
        await FoundAsync(founder, "closed-shop");
        using var mallory = await Node.NewMemberAsync("mallory");
        foreach (var organisation in new[] { "closed-shop", "there-is-none", "", "Not A Handle", "stoa" })
        {
            mallory.DefaultRequestHeaders.Remove(PermissionGate.OrganisationHeader);
            mallory.DefaultRequestHeaders.TryAddWithoutValidation(PermissionGate.OrganisationHeader, organisation);
            foreach (var path in new[] { "/api/v1/tasks", "/api/v1/wallet", "/api/v1/agents", "/api/v1/users/me" })
            {
                using var response = await mallory.GetAsync(path, Stop);
                response.StatusCode.ShouldBe(HttpStatusCode.Forbidden, $"{organisation} {path}");
                (await RunningNode.ReadProblemAsync(response)).Detail.ShouldNotContain("closed-shop");
            }
        }
    }

    private static HttpStatusCode Expected(TableRow row, TableCaller caller)
    {
        if (row.IsOfOrganisation && caller.InOrganisation is null)
            return HttpStatusCode.NotFound;
        var rights = row.IsOfOrganisation ? caller.InOrganisation!.Value : caller.Rights;
        return row.IsOpen || row.Need!.Permission is not { } needed || rights.Contains(needed) ? HttpStatusCode.OK : HttpStatusCode.Forbidden;
    }

    private static async Task CheckAsync(TableRow row, TableCaller caller, HttpStatusCode expected, List<string> faults)
    {
        var path = row.Pattern.Replace("{organisation}", Organisation, StringComparison.Ordinal).Replace("{handle}", "nobody-there", StringComparison.Ordinal);
        path = System.Text.RegularExpressions.Regex.Replace(path, @"\{\w+\}", "x");
        // With content it is answered once a day, whoever asks for it in a person's name.
        if (row.Pattern == Export)
            path += "?content=false";
        using var request = new HttpRequestMessage(new HttpMethod(row.Method), path);
        if (caller.ActsFor is { } organisation)
            request.Headers.Add(PermissionGate.OrganisationHeader, organisation);
        if (row.Method is "POST" or "PUT" or "PATCH")
            request.Content = new StringContent("{}", null, row.MediaType ?? "application/json");
        // An export is to be at its end before its account may have the next; streams of events have none.
        using var response = await caller.Client.SendAsync(
            request, row.Pattern == Export ? HttpCompletionOption.ResponseContentRead : HttpCompletionOption.ResponseHeadersRead, Stop);
        var isRight = expected switch
        {
            // Whoever is let in may still hear that the thing is somebody else's.
            HttpStatusCode.OK when response.StatusCode is HttpStatusCode.Forbidden => (await RunningNode.ReadProblemAsync(response)).Code != "forbidden",
            HttpStatusCode.OK => response.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests) && ((int)response.StatusCode < 500 || response.StatusCode is HttpStatusCode.NotImplemented),
            HttpStatusCode.NotFound => response.StatusCode == expected && (await RunningNode.ReadProblemAsync(response)).Code == "organisationUnknown",
            HttpStatusCode.Forbidden => response.StatusCode == expected && (await RunningNode.ReadProblemAsync(response)).Code == "forbidden",
            _ => response.StatusCode == expected,
        };
        if (!isRight)
            faults.Add($"{row.Method} {row.Pattern} as {caller.Who}: {(int)response.StatusCode} in place of {(expected is HttpStatusCode.OK ? "being let in" : $"{(int)expected}")}");
    }

    private static TableCaller Acting(string who, HttpClient client, string organisation, OrganisationRole role) =>
        new(who, client, Rights.OfMember(role), Rights.OfMember(role)) { ActsFor = organisation };

    private async Task<TableCaller> KeyAsync(HttpClient maker, string? organisation, Permission scope, PermissionSet ofMaker)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/api-keys");
        if (organisation is not null)
            request.Headers.Add(PermissionGate.OrganisationHeader, organisation);
        request.Content = JsonContent.Create(new { name = $"only {scope}", scopes = new[] { PermissionSet.WordOf(scope) } });
        using var response = await maker.SendAsync(request, Stop);
        var key = await RunningNode.ReadAsync<ApiKeyResponse>(response);
        var rights = PermissionSet.Of(scope).And(ofMaker);
        return new TableCaller(
            $"a key {(organisation is null ? "of a user" : "of an organisation")} with {PermissionSet.WordOf(scope)} alone", Node.NewClient(key.Secret), rights, organisation is null ? null : rights);
    }

    private static async Task FoundAsync(HttpClient founder, string handle) =>
        (await founder.PostAsJsonAsync("/api/v1/organisations", new { handle, name = handle }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);

    private async Task<HttpClient> JoinAsync(HttpClient boss, string handle, string role)
    {
        var client = await Node.NewMemberAsync(handle);
        using var invited = await boss.PostAsJsonAsync($"/api/v1/organisations/{Organisation}/invitations", new { handle, role }, Stop);
        var invitation = await RunningNode.ReadAsync<InvitationResponse>(invited);
        (await client.PostAsJsonAsync($"/api/v1/invitations/{invitation.Id}/acceptance", new { }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Created);
        return client;
    }

    private static string NeedOf(TableRow row) => row switch
    {
        { Need.Permission: { } permission, IsOpen: true } => $"nothing; `{PermissionSet.WordOf(permission)}` for what is one's own",
        { Need.Permission: { } permission } => $"`{PermissionSet.WordOf(permission)}`",
        { IsOpen: true } => "nothing",
        _ => "a caller",
    };

    /// <summary>Somebody who calls.</summary>
    /// <param name="Who">For messages.</param>
    /// <param name="Client">With the credential.</param>
    /// <param name="Rights">In the account that is acted for.</param>
    /// <param name="InOrganisation">In the organisation of the walk; null for one who does not belong to it.</param>
    private sealed record TableCaller(string Who, HttpClient Client, PermissionSet Rights, PermissionSet? InOrganisation)
    {
        /// <summary>What the header says.</summary>
        public string? ActsFor { get; init; }
    }

    /// <summary>Whose callers come from one address, all of them.</summary>
    public sealed class NodeForManySignIns : SharedNode
    {
        protected override string[] Options => ["--http:signInsPerMinute", "100000", "--http:signInsPerLogin", "100000"];
    }
}
