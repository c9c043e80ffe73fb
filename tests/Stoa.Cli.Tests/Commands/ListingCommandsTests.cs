using System.Text.Json;

namespace Stoa.Cli.Tests.Commands;

/// <summary>What the commands of listings send, and how they show what comes back.</summary>
public sealed class ListingCommandsTests() : FakeNodeCommandsTest("stoa_test")
{
    private const string Key = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    [Fact]
    public async Task Search_SendsEveryFilter_AndShowsRatingsAndCounts()
    {
        const string asked = "GET /api/v1/listings?q=resize%20ima&publisher=ann&input=image%2Fpng&output=image%2Fjpeg&minPrice=0.001&maxPrice=0.05&maxProgramBytes=2000000&minRating=4.5&sort=rating"
            + "&kind=model&category=image-editing&license=MIT&region=eu-central&framework=gguf&quantisation=Q4_K_M&minContextLength=4096&capability=image.resize&capability=image.crop&tag=a%26b&facet=tag&facet=input&limit=50";
        Node.On(asked, 200, $$"""
            {"items":[{{Listing("resize", ""","standing":{"tasks":12,"reviews":3,"rating":4.66}""")}},{{Listing("crop")}}],"total":2,
             "facets":{"tag":[{"value":"pictures","count":1200},{"value":"evil\u001b[31m","count":1}]},"facetsEstimated":true}
            """);

        (await Cli.RunAsync(["listing", "search", "resize ima", "-c", "image.resize", "-c", "image.crop", "--tag", "a&b", "-p", "ann", "--input", "image/png", "--output-type", "image/jpeg", "--min-price", "0.001",
            "--max-price", "$0.05", "--max-size", "2MB", "--min-rating", "4.5", "--sort", "rating", "-k", "model", "--category", "image-editing", "--license", "MIT", "--region", "eu-central", "--framework", "gguf", "--quantisation", "Q4_K_M", "--min-context", "4096", "--facet", "tag", "--facet", "input"])).ShouldBe(ExitCode.Ok, Cli.Error);

        Cli.Output.ShouldContain("4.7 (3)");
        Cli.Output.ShouldContain("TAG\tABOUT");
        Cli.Output.ShouldContain("1,200");
        Cli.Output.ShouldNotContain("\u001b[31m");
    }

    [Fact]
    public async Task Search_OfMoreThanAPage_ReadsOn_AndIsOneJsonObject()
    {
        Node.On("GET /api/v1/listings?limit=3", 200, $$"""{"items":[{{Listing("one")}},{{Listing("two")}}],"total":5,"nextCursor":"abc"}""");
        Node.On("GET /api/v1/listings?limit=1&cursor=abc", 200, $$"""{"items":[{{Listing("three")}}],"total":5,"nextCursor":"def"}""");

        (await Cli.RunAsync("listing search --json --limit 3")).ShouldBe(ExitCode.Ok, Cli.Error);

        var found = JsonDocument.Parse(Cli.Output).RootElement;
        found.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("name").GetString()).ShouldBe(["one", "two", "three"]);
        (found.GetProperty("total").GetInt32(), found.GetProperty("nextCursor").GetString()).ShouldBe((5, "def"));
    }

    [Fact]
    public async Task Search_OfANodeThatHasJustStarted_SaysSo()
    {
        Node.On("GET /api/v1/listings?q=image&limit=50", 200, """{"items":[],"total":0,"isIncomplete":true}""");
        (await Cli.RunAsync("listing search image")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Error.ShouldContain("more may be found soon");
        Cli.Error.ShouldContain("This node knows of nothing like that.");
    }

    [Fact]
    public async Task Search_InAnOrderThatThereIsNot_IsRefusedAtOnce()
    {
        (await Cli.RunAsync("listing search --sort pric")).ShouldBe(ExitCode.Usage);
        Cli.Error.ShouldContain("Did you mean price?");
        Node.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task Show_NamesTheNodes_EachWithTheVersionsThatItHas()
    {
        const string second = "QmSecondSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx";
        Node.On("GET /api/v1/listings/ann/resize", 200, $$"""
            {"listing":"{{Key}}/resize","publisher":{"key":"{{Key}}","verified":false,"handle":"ann"},"name":"resize","description":"x","versions":[{{At("1.1.0", $"\"{Key}\"")}},{{At("1.0.0", $"\"{Key}\",\"{second}\"")}}]}
            """);

        (await Cli.RunAsync("listing show ann/resize")).ShouldBe(ExitCode.Ok, Cli.Error);

        Cli.Output.ShouldContain($"{Key}\t1.1.0, 1.0.0");
        Cli.Output.ShouldContain($"{second}\t1.0.0");

        static string At(string version, string nodes) =>
            $$"""{"version":"{{version}}","state":"offered","statedAt":"2026-01-01T00:00:00.000Z","statementId":"sha256:{{new string('c', 64)}}","nodes":[{{nodes}}]}""";
    }

    [Fact]
    public async Task Versions_AreListed_AsARangeTakesThem()
    {
        Node.On("GET /api/v1/listings/ann/resize/versions?range=%5E1.0.0", 200, $$"""{"items":[{{Version("1.1.0", "withdrawn")}},{{Version("1.0.0")}}]}""");
        (await Cli.RunAsync("listing versions ann/resize --range ^1.0.0")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("withdrawn");
        Cli.Output.ShouldContain("1.0.0");
    }

    [Fact]
    public async Task Resolve_WritesALock_AndChecksIt()
    {
        Node.On("GET /api/v1/listings/ann/page/resolve?range=%5E1.0.0&also=ann%2Fcrop", 200, $$"""
            {"versions":[{"listing":"{{Key}}/resize@1.0.0","name":"ann/resize","version":"1.0.0","artifactDigest":"sha256:{{new string('a', 64)}}","programDigest":"sha256:{{new string('b', 64)}}",
              "statementId":"sha256:{{new string('c', 64)}}","neededBy":["ann/page@1.2.0"]}]}
            """);
        (await Cli.RunAsync("listing resolve ann/page@^1.0.0 ann/crop --lock")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("ann/page@1.2.0");
        var written = JsonDocument.Parse(File.ReadAllText(Path.Combine(Cli.Folder, "stoa.lock"))).RootElement;
        (written.GetProperty("format").GetInt32(), written.GetProperty("asked")[0].GetString(), written.GetProperty("versions")[0].GetProperty("name").GetString()).ShouldBe((2, "ann/page@^1.0.0", "ann/resize"));

        const string asked = $"GET /api/v1/listings/{Key}/resize/versions?range=1.0.0";
        Node.On(asked, 200, $$"""{"items":[{{Version("1.0.0")}}]}""");
        (await Cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Ok, Cli.Error);
        Node.On(asked, 200, $$"""{"items":[{{Version("1.0.0", program: 'd')}}]}""");
        (await Cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Ok, Cli.Error);
        (await Cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Refused);
        Cli.Error.ShouldContain("another program");
        Node.On(asked, 200, $$"""{"items":[{{Version("1.0.0", "contradicted")}}]}""");
        (await Cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Refused);
        (await Cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Refused);
        Cli.Error.ShouldContain("ann/resize@1.0.0 is contradicted.");
    }

    [Fact]
    public async Task Resolve_OfABundle_ShowsKinds_AndWhatWasLeftOut_AndChecksTheDigestsOfAll()
    {
        Node.On("GET /api/v1/listings/ann/kit/resolve", 200, $$"""
            {"versions":[
              {"listing":"{{Key}}/kit@1.0.0","name":"ann/kit","version":"1.0.0","kind":"bundle","statementId":"sha256:{{new string('c', 64)}}","manifestDigest":"sha256:{{new string('e', 64)}}","neededBy":[]},
              {"listing":"{{Key}}/small@1.0.0","name":"ann/small","version":"1.0.0","kind":"model","statementId":"sha256:{{new string('c', 64)}}","manifestDigest":"sha256:{{new string('e', 64)}}","neededBy":[],
               "preferredBy":["ann/kit@1.0.0"],"content":{"digest":"sha256:{{new string('a', 64)}}","sizeBytes":7} }],
             "leftOut":[{"name":"ann/large@*","preferredBy":"ann/kit@1.0.0","reason":"Nobody has\u001b[31m it."}]}
            """);
        (await Cli.RunAsync("listing resolve ann/kit --lock")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("bundle");
        Cli.Output.ShouldContain("ann/kit@1.0.0 (preferred)");
        Cli.Error.ShouldContain("Nobody has");
        Cli.Error.ShouldNotContain("\u001b[31m");

        Node.On($"GET /api/v1/listings/{Key}/kit/versions?range=1.0.0", 200, $$"""{"items":[{{Goods('e', null)}}]}""");
        Node.On($"GET /api/v1/listings/{Key}/small/versions?range=1.0.0", 200, $$"""{"items":[{{Goods('e', 'a')}}]}""");
        (await Cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Error.ShouldContain("2 versions are offered");
        Node.On($"GET /api/v1/listings/{Key}/kit/versions?range=1.0.0", 200, $$"""{"items":[{{Goods('d', null)}}]}""");
        Node.On($"GET /api/v1/listings/{Key}/small/versions?range=1.0.0", 200, $$"""{"items":[{{Goods('e', 'b')}}]}""");
        var refused = ExitCode.Ok;
        for (var look = 0; look < 3 && refused == ExitCode.Ok; look++)
            refused = await Cli.RunAsync("listing resolve --check");
        refused.ShouldBe(ExitCode.Refused);

        static string Goods(char manifest, char? content)
        {
            var bytes = content is null ? "" : $$"""
                "content":{"digest":"sha256:{{new string(content.Value, 64)}}","sizeBytes":7},
                """;
            return $$"""
                {"version":"1.0.0","state":"offered",{{bytes}}"manifestDigest":"sha256:{{new string(manifest, 64)}}","statedAt":"2026-01-01T00:00:00.000Z","statementId":"sha256:{{new string('c', 64)}}","nodes":[]}
                """;
        }
    }

    [Fact]
    public async Task Contradictions_AreShown_AndCheckedHere_WhateverTheNodeSays()
    {
        using var key = Stoa.Primitives.PrivateKey.Generate();
        var publisher = key.PublicKey.PeerId;
        Node.On($"GET /api/v1/contradictions?publisher={publisher}", 200, $$"""
            {"items":[{"listing":"{{publisher}}/resize@1.0.0","publisher":{"key":"{{publisher}}","verified":false,"handle":"ann","contradictions":1},"name":"resize","version":"1.0.0",
              "statementIds":["sha256:{{new string('a', 64)}}","sha256:{{new string('b', 64)}}"],"foundAt":"2026-01-01T00:00:00.000Z"}]}
            """);
        (await Cli.RunAsync($"listing contradictions {publisher}")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("ann (unverified) (has contradicted itself)");

        Node.On($"GET /api/v1/contradictions/{publisher}/resize/1.0.0", 200, Proof(Sign("One."), Sign("Two.")));
        (await Cli.RunAsync($"listing contradictions {publisher} --verify")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Error.ShouldContain("both signatures hold");

        string Proof(params Stoa.Primitives.DsseEnvelope[] statements) =>
            $$"""{"listing":"{{publisher}}/resize@1.0.0","statements":[{{string.Join(',', statements.Select(statement => System.Text.Encoding.UTF8.GetString(statement.ToJson())))}}]}""";

        Stoa.Primitives.DsseEnvelope Sign(string description) => SignedBundle(key, description);
    }

    [Fact]
    public async Task Contradictions_WithoutProof_AreRefused()
    {
        using var key = Stoa.Primitives.PrivateKey.Generate();
        var publisher = key.PublicKey.PeerId;
        Node.On("GET /api/v1/contradictions", 200, $$"""
            {"items":[{"listing":"{{publisher}}/resize@1.0.0","publisher":{"key":"{{publisher}}","verified":false,"contradictions":1},"name":"resize","version":"1.0.0",
              "statementIds":["sha256:{{new string('a', 64)}}","sha256:{{new string('b', 64)}}"],"foundAt":"2026-01-01T00:00:00.000Z"}]}
            """);
        var one = System.Text.Encoding.UTF8.GetString(SignedBundle(key, "One.").ToJson());
        Node.On($"GET /api/v1/contradictions/{publisher}/resize/1.0.0", 200, $$"""{"listing":"{{publisher}}/resize@1.0.0","statements":[{{one}},{{one}}]}""");
        (await Cli.RunAsync("listing contradictions --verify")).ShouldBe(ExitCode.Refused);
        Cli.Error.ShouldContain("The two say the same.");
    }

    private static Stoa.Primitives.DsseEnvelope SignedBundle(Stoa.Primitives.PrivateKey key, string description)
    {
        var json = $$"""{"kind":"bundle","name":"resize","version":"1.0.0","description":"{{description}}","tags":[],"listings":[{"listing":"ann/a-bundle"}]}""";
        var goods = new Market.Registry.Statements.GoodsStatement(Market.Registry.Goods.GoodsReader.Read(System.Text.Encoding.UTF8.GetBytes(json)).Value, json);
        return Market.Registry.Statements.Statement.Sign(key, new Stoa.Primitives.Hlc(1_764_000_000_000, 0), goods).Value.Envelope;
    }

    [Theory]
    [InlineData(null, "There is no stoa.lock in this folder.")]
    [InlineData("not json", "none that this stoa can read")]
    [InlineData("""{"format":3,"asked":[],"versions":[]}""", "none that this stoa can read")]
    [InlineData("null", "none that this stoa can read")]
    public async Task Check_OfWhatIsNoLock_SaysSo(string? content, string said)
    {
        if (content is not null)
            Cli.Write("stoa.lock", content);
        (await Cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Usage);
        Cli.Error.ShouldContain(said);
    }

    [Fact]
    public async Task Similar_ShowsHowMuchIsShared_AndUsedWithWhatThereIs()
    {
        Node.On("GET /api/v1/listings/ann/resize/similar?limit=3", 200, $$"""{"items":[{"likeness":0.62,"listing":{{Listing("crop")}}}]}""");
        (await Cli.RunAsync("listing similar ann/resize --limit 3")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("62%");
        (await Cli.RunAsync("listing similar ann/resize --limit 51")).ShouldBe(ExitCode.Usage);
        Node.On("GET /api/v1/listings/ann/resize/used-with", 200, $$"""{"items":[{{Listing("scale")}}]}""");
        (await Cli.RunAsync("listing used-with ann/resize --json")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("scale");
        Node.On("GET /api/v1/listings/ann/crop/used-with", 200, """{"items":[]}""");
        (await Cli.RunAsync("listing used-with ann/crop")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Error.ShouldContain("Too few have used it");
    }

    [Fact]
    public async Task Publish_SendsTheManifestAsItIs_AndWithdrawAndReinstateNameTheVersion()
    {
        const string model = """{"kind":"model", "name":"small"}""";
        Cli.Write("model.json", model);
        Node.On("POST /api/v1/listings/manifests", 201, Model);
        (await Cli.RunAsync("listing publish model.json")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain($"{Key}/small@1.0.0");
        Node.Seen.ShouldContain(request => request.Text == model);

        Node.On("PUT /api/v1/listings/ann/small/1.0.0/withdrawal", 200, """{"agent":"ann/small","versions":["1.0.0"]}""");
        (await Cli.RunAsync(["listing", "withdraw", "ann/small@1.0.0", "--reason", "No."])).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("1.0.0 is withdrawn.");
        Node.On("DELETE /api/v1/listings/ann/small/1.0.0/withdrawal", 200, """{"agent":"ann/small","versions":["1.0.0"],"newest":"1.0.0"}""");
        (await Cli.RunAsync("listing reinstate ann/small@1.0.0")).ShouldBe(ExitCode.Ok, Cli.Error);
        (await Cli.RunAsync("listing reinstate ann/small")).ShouldBe(ExitCode.Usage);
    }

    [Fact]
    public async Task Get_SavesTheNewest_AndRefusesOtherBytes()
    {
        Node.On("GET /api/v1/listings/ann/small", 200, Details(Stoa.Primitives.ContentHash.Of("weights"u8).ToString()));
        Node.On("GET /api/v1/listings/ann/small/1.0.0/content", 200, "weights");
        (await Cli.RunAsync("listing get ann/small -o w.gguf")).ShouldBe(ExitCode.Ok, Cli.Error);
        File.ReadAllText(Path.Combine(Cli.Folder, "w.gguf")).ShouldBe("weights");
        Node.On("GET /api/v1/listings/ann/other", 200, Details(Stoa.Primitives.ContentHash.Of("other"u8).ToString()));
        Node.On("GET /api/v1/listings/ann/other/1.0.0/content", 200, "weights");
        (await Cli.RunAsync("listing get ann/other -o other.gguf")).ShouldNotBe(ExitCode.Ok);
        File.Exists(Path.Combine(Cli.Folder, "other.gguf")).ShouldBeFalse();
        Node.On("GET /api/v1/listings/ann/resize", 200, Details(digest: null));
        (await Cli.RunAsync("listing get ann/resize -o x")).ShouldNotBe(ExitCode.Ok);
        Cli.Error.ShouldContain("has no file of its own");

        static string Details(string? digest) => $$"""
            {"listing":"{{Key}}/small","publisher":{"key":"{{Key}}","verified":false},"name":"small","description":"x","kind":"{{(digest is null ? "agent" : "model")}}","newest":"1.0.0","versions":[
              {"version":"1.0.0","state":"offered"{{(digest is null ? "" : $$""","content":{"digest":"{{digest}}","sizeBytes":7}""")}},"statedAt":"2026-01-01T00:00:00.000Z","statementId":"sha256:{{new string('c', 64)}}","nodes":[]}]}
            """;
    }

    [Theory]
    [InlineData("listing resolve")]
    [InlineData("listing resolve --check ann/resize")]
    [InlineData("listing resolve --check --lock")]
    public async Task Resolve_OfNothing_IsRefusedAtOnce(string command) => (await Cli.RunAsync(command)).ShouldBe(ExitCode.Usage);

    private static string Version(string version, string state = "offered", char program = 'b') => $$"""
        {"version":"{{version}}","state":"{{state}}","artifactDigest":"sha256:{{new string('a', 64)}}","programDigest":"sha256:{{new string(program, 64)}}","programBytes":7,"statedAt":"2026-01-01T00:00:00.000Z",
         "statementId":"sha256:{{new string('c', 64)}}","nodes":[]}
        """;

    private static string Model => $$"""
        {"listing":"{{Key}}/small@1.0.0","publisher":{"key":"{{Key}}","verified":true,"handle":"ann"},"name":"small","version":"1.0.0","description":"x","capabilities":["chat"],"tags":[],"kind":"model",
         "content":{"digest":"sha256:{{new string('a', 64)}}","sizeBytes":7},"model":{"framework":"gguf"},"statedAt":"2026-01-01T00:00:00.000Z","statementId":"sha256:{{new string('c', 64)}}"}
        """;

    private static string Listing(string name, string more = "") => $$"""
        {"listing":"{{Key}}/{{name}}@1.0.0","publisher":{"key":"{{Key}}","verified":false,"handle":"ann"},"name":"{{name}}","version":"1.0.0","description":"x","capabilities":["image.resize"],"tags":[],
         "input":{"mediaType":"image/png"},"output":{"mediaType":"image/png"},"price":{"base":"0.001","perMegabyte":"0","perGigafuel":"0"},"artifactDigest":"sha256:{{new string('a', 64)}}",
         "programDigest":"sha256:{{new string('b', 64)}}","programBytes":7,"statedAt":"2026-01-01T00:00:00.000Z","statementId":"sha256:{{new string('c', 64)}}"{{more}}}
        """;
}
