using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Node.Http;
using Stoa.Node.Http.OpenApi;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Http;

/// <summary>The OpenAPI document is what the console, the SDKs and strangers build on: it is complete, or these fail.</summary>
public sealed class OpenApiTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static readonly string[] s_methods = ["get", "head", "post", "put", "patch", "delete"];

    [Fact]
    public async Task Operations_HaveNameSummaryDescriptionAndTag()
    {
        foreach (var (address, operation) in await OperationsAsync())
        {
            foreach (var member in new[] { "operationId", "summary", "description" })
                ((string?)operation[member]).ShouldNotBeNullOrWhiteSpace($"{address} {member}");
            operation["tags"]!.AsArray().Count.ShouldBe(1, address);
        }
    }

    [Fact]
    public async Task OperationNames_AreUnique()
    {
        var names = (await OperationsAsync()).Select(pair => (string)pair.Operation["operationId"]!).ToArray();

        names.Length.ShouldBeGreaterThan(20);
        names.ShouldBeUnique();
    }

    [Fact]
    public async Task Parameters_AreDescribedAndTyped()
    {
        foreach (var (address, operation) in await OperationsAsync())
        {
            foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
            {
                var name = $"{address} {parameter!["name"]}";
                ((string?)parameter["description"]).ShouldNotBeNullOrWhiteSpace(name);
                (parameter["schema"]!.AsObject().Count > 0).ShouldBeTrue(name);
            }
        }
    }

    [Fact]
    public async Task Operations_TellEveryWayInWhichTheyMayFail()
    {
        foreach (var (address, operation) in await OperationsAsync())
        {
            var responses = operation["responses"]!.AsObject();
            responses.Any(pair => int.Parse(pair.Key, null) < 400).ShouldBeTrue(address);
            var expected = new List<string> { "500" };
            if (address.Contains("/api/", StringComparison.Ordinal))
                expected.AddRange(["401", "429"]);
            if (operation["requestBody"] is not null)
                expected.AddRange(["400", "413"]);
            if (operation["parameters"]?.AsArray().Count > 0)
                expected.Add("400");
            expected.Except(responses.Select(pair => pair.Key)).ShouldBeEmpty(address);
            foreach (var (status, response) in responses.Where(pair => int.Parse(pair.Key, null) >= 400))
            {
                var problem = response!["content"]?["application/problem+json"];
                ((string?)problem?["schema"]?["$ref"]).ShouldBe("#/components/schemas/Problem", $"{address} {status}");
                foreach (var (code, example) in problem!["examples"]!.AsObject())
                {
                    Problems.All[code].Status.ShouldBe(int.Parse(status, null));
                    ((string?)example!["value"]!["code"]).ShouldBe(code);
                }
            }
        }
    }

    [Fact]
    public async Task References_LeadSomewhere()
    {
        var document = await DocumentAsync();
        var references = Descendants(document).OfType<JsonObject>().Select(node => (string?)node["$ref"]).OfType<string>().Distinct().ToArray();

        references.ShouldNotBeEmpty();
        foreach (var reference in references)
        {
            JsonNode? found = document;
            foreach (var step in reference.TrimStart('#', '/').Split('/'))
                found = found?[step];
            found.ShouldNotBeNull(reference);
        }
    }

    [Fact]
    public async Task Contracts_HaveDescribedMembersAndAnExample()
    {
        var contracts = (await DocumentAsync())["components"]!["schemas"]!.AsObject()
            .Where(pair => pair.Key.EndsWith("Request", StringComparison.Ordinal) || pair.Key.EndsWith("Response", StringComparison.Ordinal))
            .ToArray();

        contracts.Length.ShouldBeGreaterThan(10);
        foreach (var (name, schema) in contracts)
        {
            ((string?)schema!["description"]).ShouldNotBeNullOrWhiteSpace(name);
            schema["examples"].ShouldNotBeNull(name);
            foreach (var (member, described) in schema["properties"]!.AsObject())
            {
                // Of a member that may be null it is said within.
                var text = described!["description"] ?? described["oneOf"]?.AsArray().Select(choice => choice!["description"]).FirstOrDefault(found => found is not null);
                ((string?)text).ShouldNotBeNullOrWhiteSpace($"{name}.{member}");
            }
        }
    }

    [Fact]
    public async Task SecuredOperations_NameTheirSchemes()
    {
        var schemes = (await DocumentAsync())["components"]!["securitySchemes"]!.AsObject().Select(pair => pair.Key).ToArray();
        var open = new List<string>();
        foreach (var (address, operation) in await OperationsAsync())
        {
            var required = operation["security"]?.AsArray().SelectMany(one => one!.AsObject().Select(pair => pair.Key)).ToArray() ?? [];
            required.Except(schemes).ShouldBeEmpty(address);
            if (required.Length == 0)
                open.Add((string)operation["operationId"]!);
        }

        // Whatever is open to everybody is so on purpose: it has its place in this list.
        open.Except(
        [
            "getHealth", "getReady", "getMetrics", "getNode", "getNetwork", "getSigningKeys",
            "registerUser", "createSession", "refreshSession", "sendVerificationCode", "verifyEmail", "sendPasswordResetCode", "resetPassword", "cancelErasure",
            "listAgents", "getAgent", "listAgentVersions", "getAgentVersion", "getAgentProgram", "listAgentReviews", "getReview", "headBlob", "getBlob", "listListings", "getListing", "listListingVersions", "resolveListing", "listContradictions", "getContradiction", "listSimilarListings", "listUsedWith", "listListingReviews", "getStatement", "listOffers", "listPlans", "getPlan",
            // The voucher is the proof.
            "callAgent", "getCall", "watchCall", "callProgram", "quoteProgram", "cancelProgramCall", "getCallReceipt",
                // So is the signature by the payer of the channel.
                "listSoldModels", "buyChatCompletion", "buyCompletion", "buyEmbeddings", "getGivenUpReceipt",
            // Stripe calls it, and signs what it says.
            "receiveStripeEvent",
            // The code of a sign-in is its own proof.
            "getSingleSignOn", "createSessionBySingleSignOn",
        ]).ShouldBeEmpty();
    }

    [Fact]
    public void Examples_FollowTheirContracts()
    {
        Examples.Types.ShouldNotBeEmpty();
        foreach (var type in Examples.Types)
            JsonSerializer.Deserialize(Examples.Of(type)!.ToJsonString(), StrictJson.Options.GetTypeInfo(type)).ShouldNotBeNull();
    }

    [Fact]
    public async Task Document_IsAnsweredFromTheCacheWhenItHasNotChanged()
    {
        using var first = await shared.Node.Anonymous.GetAsync("/openapi/v1.json", TestContext.Current.CancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);

        using var second = await shared.Node.Anonymous.SendAsync(request, TestContext.Current.CancellationToken);

        ((int)second.StatusCode).ShouldBe(304);
    }

    private async Task<JsonNode> DocumentAsync() =>
        JsonNode.Parse(await shared.Node.Anonymous.GetStringAsync("/openapi/v1.json", TestContext.Current.CancellationToken))!;

    private async Task<IReadOnlyList<(string Address, JsonObject Operation)>> OperationsAsync() =>
    [
        .. from path in (await DocumentAsync())["paths"]!.AsObject()
           from operation in path.Value!.AsObject()
           where s_methods.Contains(operation.Key)
           select ($"{operation.Key} {path.Key}", operation.Value!.AsObject()),
    ];

    private static IEnumerable<JsonNode> Descendants(JsonNode node)
    {
        var children = node switch
        {
            JsonObject members => members.Select(pair => pair.Value),
            JsonArray items => items,
            _ => [],
        };
        return children.OfType<JsonNode>().SelectMany(Descendants).Prepend(node);
    }
}
