using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Stoa.Client;
using Stoa.Node.Http;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Http;

public sealed class ProblemsTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private const string Good = """{"handle":"ada","email":"ada@example.org","password":"correct horse battery"}""";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private HttpClient Anonymous => shared.Node.Anonymous;

    public static TheoryData<string, string, string> BadBodies => new()
    {
        { "", "", "empty" },
        { "{", "", "not JSON" },
        { "[]", "", "A JSON object is expected" },
        { "null", "", "JSON object" },
        { "42", "", "A JSON object is expected" },
        { Good + "{}", "", "not JSON" },
        { Good.Replace("\"ada\"", "7", StringComparison.Ordinal), "/handle", "A string is expected" },
        { Good.Replace("\"ada\"", "null", StringComparison.Ordinal), "/handle", "must not be null" },
        { Good.Replace("\"ada\"", "\"\\ud800\"", StringComparison.Ordinal), "/handle", "surrogate" },
        { Good.Insert(1, "\"\\ud800\":1,"), "", "surrogate" },
        { Good.Replace("\"handle\":\"ada\",", "", StringComparison.Ordinal), "/handle", "missing" },
        { Good.Replace("\"handle\"", "\"Handle\"", StringComparison.Ordinal), "/Handle", "no such member" },
        { Good.Insert(1, "\"handle\":\"bob\","), "/handle", "more than once" },
        { Good.Insert(1, "\"a/b~c\":1,"), "/a~1b~0c", "no such member" },
        { Good.Insert(1, "// comment\n"), "", "not JSON" },
        { Good.Replace("}", ",}", StringComparison.Ordinal), "", "not JSON" },
        { Good.Replace("\"ada\"", Nested(200), StringComparison.Ordinal), "", $"deeper than {StoaJson.MaxDepth}" },
    };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task Body_ThatBreaksItsContract_IsRefusedWithTheReason(string body, string pointer, string reason)
    {
        using var response = await Anonymous.PostAsync("/api/v1/users", Json(body), Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        var problem = await RunningNode.ReadProblemAsync(response);
        problem.Code.ShouldBe("requestInvalid");
        var told = problem.Errors is null ? [("", problem.Detail)] : problem.Errors.Select(error => (error.Pointer, error.Reason)).ToArray();
        told.ShouldContain(error => error.Item1 == pointer && error.Item2.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Body_WithManyFaults_TellsThemAll()
    {
        using var response = await Anonymous.PostAsync("/api/v1/users", Json("""{"handle":1,"email":null,"x":{}}"""), Stop);

        var problem = await RunningNode.ReadProblemAsync(response);
        problem.Errors!.Select(error => error.Pointer).ShouldBe(["/handle", "/email", "/x", "/password"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("GET", "/nowhere", 404, "notFound")]
    [InlineData("GET", "/api/v1/nowhere", 404, "notFound")]
    [InlineData("PATCH", "/api/v1/users", 405, "methodNotAllowed")]
    [InlineData("GET", "/api/v1/users/me", 401, "unauthenticated")]
    [InlineData("GET", "/problems/nonsense", 404, "notFound")]
    public async Task Request_ThatIsRefusedByTheFramework_IsAProblemToo(string method, string path, int status, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var response = await Anonymous.SendAsync(request, Stop);

        ((int)response.StatusCode).ShouldBe(status);
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe(code);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData(null)]
    public async Task Body_OfAnotherKind_IsRefused(string? mediaType)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(Good));
        content.Headers.ContentType = mediaType is null ? null : MediaTypeHeaderValue.Parse(mediaType);

        using var response = await Anonymous.PostAsync("/api/v1/users", content, Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.UnsupportedMediaType);
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("unsupportedMediaType");
    }

    [Fact]
    public async Task Body_ThatIsTooLarge_IsRefused()
    {
        using var response = await Anonymous.PostAsync("/api/v1/users", Json(new string(' ', 100_000) + Good), Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("payloadTooLarge");
    }

    [Fact]
    public async Task Body_ThatSaysNotHowLargeItIs_IsCutOffAtTheLimit()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/users") { Content = Json(new string(' ', 100_000) + Good) };
        request.Headers.TransferEncodingChunked = true;

        using var response = await Anonymous.SendAsync(request, Stop);

        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("payloadTooLarge");
    }

    [Theory]
    [InlineData("/api/v1/api-keys?limit=0")]
    [InlineData("/api/v1/api-keys?limit=201")]
    [InlineData("/api/v1/api-keys?limit=ten")]
    [InlineData("/api/v1/wallet/transfers?cursor=")]
    [InlineData("/api/v1/events?after=live-1")]
    [InlineData("/api/v1/events?type=stoa.nonsense")]
    [InlineData("/api/v1/ws")]
    public async Task Parameter_OutOfRange_IsRefused(string path)
    {
        using var response = await shared.Node.Admin.GetAsync(path, Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("requestInvalid");
    }

    [Fact]
    public async Task Parameter_OfTheWrongForm_IsNamedWithoutOurTypes()
    {
        using var response = await shared.Node.Admin.DeleteAsync("/api/v1/api-keys/garbage", Stop);

        var problem = await RunningNode.ReadProblemAsync(response);
        problem.Errors!.Single().Reason.ShouldContain("parameter id");
        problem.Errors!.Single().Reason.ShouldNotContain("ApiKey");
    }

    [Fact]
    public async Task EveryProblem_HasAPageThatExplainsIt()
    {
        foreach (var kind in Problems.All.Values)
        {
            var page = await Anonymous.GetStringAsync(kind.Type, Stop);
            page.ShouldContain(WebUtility.HtmlEncode(kind.Title).Replace("&#39;", "&#x27;", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Table_SaysOfEveryProblemWhatToDo()
    {
        foreach (var kind in Problems.All.Values)
        {
            kind.Status.ShouldBeInRange(400, 599);
            new[] { kind.Title, kind.Explanation, kind.Remedy }.ShouldAllBe(text => text.Length > 5);
            kind.Explanation.ShouldEndWith(".");
            kind.Remedy.ShouldEndWith(".");
        }
    }

    private static string Nested(int depth) => new string('[', depth) + new string(']', depth);

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
