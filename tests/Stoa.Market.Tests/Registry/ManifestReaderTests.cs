using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry;

public sealed class ManifestReaderTests
{
    private const string Good =
        """
        {
          "name": "csv-profile", "version": "1.2.0", "description": "Column statistics.",
          "capabilities": ["csv.profile"], "tags": ["csv"], "program": "csv-profile.wasm",
          "input": { "mediaType": "application/json", "schema": { "type": "object" } },
          "output": { "mediaType": "application/json" },
          "parameters": [
            { "name": "delimiter", "description": "Separator.", "type": "choice", "values": ["comma", "tab"] },
            { "name": "rows", "description": "At most so many.", "type": "integer", "default": "all" }
          ],
          "limits": { "fuel": 1000000, "memoryBytes": 1048576, "timeoutMs": 1000, "outputBytes": 65536, "logBytes": 0 },
          "permissions": [],
          "price": { "base": "0.000100000", "perMegabyte": "0", "perGigafuel": "0.5" }
        }
        """;

    [Fact]
    public void Read_GoodManifest_GivesEveryMember()
    {
        var manifest = Read(Good).Value;
        manifest.Name.ShouldBe("csv-profile");
        manifest.Version.ToString().ShouldBe("1.2.0");
        manifest.Capabilities.ShouldBe(["csv.profile"]);
        manifest.Input.Schema.ShouldNotBeNull();
        manifest.Parameters.Select(parameter => parameter.Type).ShouldBe([AgentParameterType.Choice, AgentParameterType.Integer]);
        manifest.Limits.ShouldBe(new AgentLimits(1_000_000, 1_048_576, 1_000, 65_536, 0));
        manifest.Price.PerGigafuel.Nanodollars.ShouldBe(500_000_000);
    }

    [Fact]
    public void Asks_NameModelsByListingCapabilityOrRoute()
    {
        var manifest = Read(Good.TrimEnd().TrimEnd('}') + """
            , "asks": [
              { "listing": "stoa/chat", "maxRequests": 3, "maxPrice": "0.02" },
              { "listing": "stoa/chat", "range": "^1.2.0", "maxRequests": 1, "maxPrice": "0", "maxRequestBytes": 100, "maxAnswerBytes": 200 },
              { "auto": [], "maxRequests": 64, "maxPrice": "0.001" },
              { "auto": ["chat", "tools"], "maxRequests": 1, "maxPrice": "0.001" },
              { "route": "gpt-4o", "maxRequests": 1, "maxPrice": "0.001" }
            ] }
            """).Value;

        manifest.Asks.Select(ask => (ask.Model, ask.IsRoute, ask.MaxRequests, ask.RoomBytes)).ShouldBe(
            [("stoa/chat", false, 3, 524_288), ("stoa/chat@^1.2.0", false, 1, 300), ("auto", false, 64, 524_288), ("auto:chat,tools", false, 1, 524_288), ("gpt-4o", true, 1, 524_288)]);
        manifest.MostForCalls.ShouldBe(Money.Parse("0.023"));
        // What its requests name is read by the gateway to the same text.
        foreach (var ask in manifest.Asks)
            (ModelAddress.TryParse(ask.Model, out var address) ? address.ToString() : null).ShouldBe(ask.Model);
    }

    [Fact]
    public void Models_OfAManifest_AreAtMostSixteen_AndNoneWhereItNamesNone()
    {
        Read(Good).Value.Models.ShouldBeEmpty();
        Read(With(16)).Value.Models.Count.ShouldBe(16);
        Read(With(17)).Refusal!.Errors.ShouldHaveSingleItem().Pointer.ShouldBe("/models");

        static string With(int models) => Good.TrimEnd().TrimEnd('}') + $", \"models\": [{string.Join(',', Enumerable.Range(0, models).Select(model => $"{{\"listing\": \"stoa/m{model}\"}}"))}] }}";
    }

    [Fact]
    public void Uses_WithARange_KeepItBesideTheVersion()
    {
        var uses = Read(Using("""{ "agent": "stoa/echo@1.3.0", "range": "^1.2", "maxCalls": 1, "maxPrice": "1" }, { "agent": "stoa/page@2.0.0", "maxCalls": 1, "maxPrice": "1" }""")).Value.Uses;

        uses.Select(use => (use.Agent.ToString(), use.Range?.ToString())).ShouldBe([("stoa/echo@1.3.0", "^1.2"), ("stoa/page@2.0.0", null)]);
        uses.Select(use => (use.IsNamedBy("stoa/echo@1.3.0"), use.IsNamedBy("stoa/echo"), use.IsNamedBy("stoa/page"))).ShouldBe([(true, true, false), (false, false, false)]);
    }

    [Fact]
    public void Uses_WhoseVersionIsNotInTheirRange_AreRefusedWithBoth()
    {
        var fault = Read(Using("""{ "agent": "stoa/echo@1.1.0", "range": "^1.2", "maxCalls": 1, "maxPrice": "1" }""")).Refusal!.Errors.ShouldHaveSingleItem();

        fault.ShouldBe(new FieldError("/uses/0/range", "Must be one that takes the version beside it: ^1.2 does not take stoa/echo@1.1.0."));
    }

    [Fact]
    public void Uses_WithARangeAlone_AreOfADraft_AndRefusedWithWhatToDo()
    {
        var manifest = Using("""{ "agent": "stoa/echo", "range": "^1.2", "maxCalls": 1, "maxPrice": "1" }, { "agent": "stoa/echo", "range": "2.x", "maxCalls": 1, "maxPrice": "1" }""");

        ManifestReader.ReadDraft(Encoding.UTF8.GetBytes(manifest)).Value.Uses.Select(use => (use.Agent.ToString(), use.Range?.ToString())).ShouldBe([("stoa/echo", "^1.2"), ("stoa/echo", "2.x")]);
        var faults = Read(manifest).Refusal!.Errors;
        faults.Select(fault => fault.Pointer).ShouldBe(["/uses/0/agent", "/uses/1/agent"]);
        faults[0].Reason.ShouldContain("^1.2");
        faults[0].Reason.ShouldContain("stoa agent publish");
    }

    [Theory]
    [InlineData("""{ "agent": "stoa/echo", "maxCalls": 1, "maxPrice": "1" }""", "/uses/0/agent")]
    [InlineData("""{ "agent": "stoa/echo", "range": ">>1", "maxCalls": 1, "maxPrice": "1" }""", "/uses/0/range")]
    [InlineData("""{ "agent": "stoa/echo@1.0.0", "range": null, "maxCalls": 1, "maxPrice": "1" }""", "/uses/0/range")]
    [InlineData("""{ "agent": "stoa/echo", "range": "^1.0", "maxCalls": 1, "maxPrice": "1" }, { "agent": "stoa/echo", "range": "^1.0", "maxCalls": 2, "maxPrice": "1" }""", "/uses")]
    public void Draft_WithAFault_SaysWhere(string uses, string pointer) =>
        ManifestReader.ReadDraft(Encoding.UTF8.GetBytes(Using(uses))).Refusal!.Errors.ShouldHaveSingleItem().Pointer.ShouldBe(pointer);

    [Fact]
    public void UseRanges_WriteVersions_AndChangeNoByteElse()
    {
        var draft = Using("""
            { "limits": { "fuel": 7 }, "range" : "^1.2",  "\u0061gent":  "stoa\/echo" , "maxCalls": 1, "maxPrice": "1" },
            { "agent": "stoa/page@2.0.0", "maxCalls": 1, "maxPrice": "1" }, { "agent": "stoa/echo", "range": "2.x", "maxCalls": 1, "maxPrice": "1" }
            """).Replace("Column statistics.", "“agent”, of \"uses\".".Replace("\"", "\\\"", StringComparison.Ordinal), StringComparison.Ordinal);
        var taken = new Dictionary<int, ListingName> { [0] = ListingName.Parse("stoa/echo@1.3.0+b.1"), [2] = ListingName.Parse("stoa/echo@2.1.0") };

        var written = Encoding.UTF8.GetString(UseRanges.Write(Encoding.UTF8.GetBytes(draft), taken));

        written.ShouldBe(draft
            .Replace("\"stoa\\/echo\"", "\"stoa/echo@1.3.0+b.1\"", StringComparison.Ordinal)
            .Replace("\"stoa/echo\"", "\"stoa/echo@2.1.0\"", StringComparison.Ordinal));
        Read(written).Value.Uses.Select(use => use.Agent.ToString()).ShouldBe(["stoa/echo@1.3.0+b.1", "stoa/page@2.0.0", "stoa/echo@2.1.0"]);
    }

    [Theory]
    [InlineData("name", "\"Csv\"", "/name")]
    [InlineData("name", "\"x\"", "/name")]
    [InlineData("name", "7", "/name")]
    [InlineData("version", "\"1.2\"", "/version")]
    [InlineData("version", "\"1.2.03\"", "/version")]
    [InlineData("description", "\"\"", "/description")]
    [InlineData("capabilities", "[]", "/capabilities")]
    [InlineData("capabilities", "[\"csv.profile\", \"CSV\"]", "/capabilities/1")]
    [InlineData("capabilities", "[\"a\", \"a\"]", "/capabilities")]
    [InlineData("description", "\"\\u001b[2J\"", "/description")]
    [InlineData("asks", "[{\"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/listing")]
    [InlineData("asks", "[{\"listing\": \"stoa/chat@1.0.0\", \"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/listing")]
    [InlineData("asks", "[{\"listing\": \"stoa/chat\", \"auto\": [], \"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/auto")]
    [InlineData("asks", "[{\"listing\": \"stoa/chat\", \"route\": \"gpt\", \"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/route")]
    [InlineData("asks", "[{\"auto\": [], \"route\": \"gpt\", \"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/route")]
    [InlineData("asks", "[{\"route\": \"auto\", \"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/route")]
    [InlineData("asks", "[{\"route\": \"gpt\", \"range\": \"^1.0.0\", \"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/range")]
    [InlineData("asks", "[{\"auto\": [\"Chat\"], \"maxRequests\": 1, \"maxPrice\": \"1\"}]", "/asks/0/auto/0")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 0, \"maxPrice\": \"1\"}]", "/asks/0/maxRequests")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 65, \"maxPrice\": \"1\"}]", "/asks/0/maxRequests")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 1}]", "/asks/0/maxPrice")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 1, \"maxPrice\": \"1000001\"}]", "/asks/0/maxPrice")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 1, \"maxPrice\": \"1\", \"maxRequestBytes\": 16777217}]", "/asks/0/maxRequestBytes")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 1, \"maxPrice\": \"1\", \"maxAnswerBytes\": 0}]", "/asks/0/maxAnswerBytes")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 1, \"maxPrice\": \"1\", \"stream\": true}]", "/asks/0/stream")]
    [InlineData("asks", "[{\"auto\": [], \"maxRequests\": 1, \"maxPrice\": \"1\"}, {\"auto\": [], \"maxRequests\": 2, \"maxPrice\": \"1\"}]", "/asks")]
    [InlineData("models", "null", "/models")]
    [InlineData("models", "[]", "/models")]
    [InlineData("models", "[{\"listing\": \"stoa/chat@1.0.0\"}]", "/models/0/listing")]
    [InlineData("models", "[{\"listing\": \"stoa/chat\", \"range\": \">>1\"}]", "/models/0/range")]
    [InlineData("models", "[{\"listing\": \"stoa/chat\", \"preferred\": 1}]", "/models/0/preferred")]
    [InlineData("models", "[{\"listing\": \"stoa/chat\", \"optional\": true}]", "/models/0/optional")]
    [InlineData("models", "[{\"listing\": \"stoa/chat\"}, {\"listing\": \"stoa/chat\", \"range\": \"2.x\"}]", "/models")]
    [InlineData("tags", "\"csv\"", "/tags")]
    [InlineData("tags", "[\"a\\u0000\"]", "/tags/0")]
    [InlineData("program", "\"../up.wasm\"", "/program")]
    [InlineData("input", "null", "/input")]
    [InlineData("input", "{\"mediaType\": \"text\"}", "/input/mediaType")]
    [InlineData("input", "{\"mediaType\": \"text/csv\", \"schema\": {}}", "/input/schema")]
    [InlineData("input", "{\"mediaType\": \"application/json\", \"schema\": 3}", "/input/schema")]
    [InlineData("input", "{\"mediaType\": \"application/json\", \"schema\": {\"$ref\": \"http://127.0.0.1/x\"}}", "/input/schema/$ref")]
    [InlineData("input", "{\"mediaType\": \"application/json\", \"schema\": {\"items\": [{\"$ref\": \"/etc/passwd\"}]}}", "/input/schema/items/0/$ref")]
    [InlineData("parameters", "[{\"name\": \"rows\", \"description\": \"d\", \"type\": \"text\"}]", "/parameters/0/type")]
    [InlineData("parameters", "[{\"name\": \"rows\", \"description\": \"d\", \"type\": \"choice\"}]", "/parameters/0/values")]
    [InlineData("parameters", "[{\"name\": \"rows\", \"description\": \"d\", \"type\": \"string\", \"size\": 1}]", "/parameters/0/size")]
    [InlineData("limits", "{}", "/limits/fuel")]
    [InlineData("permissions", "[\"http.fetch\"]", "/permissions/0")]
    [InlineData("price", "{\"base\": \"-1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\"}", "/price/base")]
    [InlineData("price", "{\"base\": 1, \"perMegabyte\": \"0\", \"perGigafuel\": \"0\"}", "/price/base")]
    [InlineData("price", "{\"base\": \"0.0000000001\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\"}", "/price/base")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"tiers\": {\"urgent\": 10.001}}", "/price/tiers/urgent")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"tiers\": {\"background\": 0.499}}", "/price/tiers/background")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"tiers\": {\"high\": 1.2345}}", "/price/tiers/high")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"tiers\": {\"high\": \"1.5\"}}", "/price/tiers/high")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"tiers\": {\"high\": 1e400}}", "/price/tiers/high")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"tiers\": {\"normal\": 1}}", "/price/tiers/normal")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"demand\": {\"max\": 0.9, \"capacity\": 4}}", "/price/demand/max")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"demand\": {\"max\": 2, \"capacity\": 0}}", "/price/demand/capacity")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"demand\": {\"max\": 2, \"capacity\": 10001}}", "/price/demand/capacity")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"demand\": {\"max\": 2, \"capacity\": 4, \"from\": 1}}", "/price/demand/from")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"demand\": {\"capacity\": 4}}", "/price/demand/max")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"demand\": 2}", "/price/demand")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": []}", "/price/volume")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": 0.9}", "/price/volume")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1, \"factor\": 0.998}, {\"from\": 2, \"factor\": 0.997}, {\"from\": 3, \"factor\": 0.996}, {\"from\": 4, \"factor\": 0.995}, {\"from\": 5, \"factor\": 0.994}, {\"from\": 6, \"factor\": 0.993}, {\"from\": 7, \"factor\": 0.992}, {\"from\": 8, \"factor\": 0.991}, {\"from\": 9, \"factor\": 0.990}]}", "/price/volume")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [0.9]}", "/price/volume/0")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"factor\": 0.9}]}", "/price/volume/0/from")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 0, \"factor\": 0.9}]}", "/price/volume/0/from")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1000000001, \"factor\": 0.9}]}", "/price/volume/0/from")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1.5, \"factor\": 0.9}]}", "/price/volume/0/from")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1}]}", "/price/volume/0/factor")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1, \"factor\": 1}]}", "/price/volume/0/factor")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1, \"factor\": 0.099}]}", "/price/volume/0/factor")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1, \"factor\": 0.9999}]}", "/price/volume/0/factor")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1, \"factor\": \"0.9\"}]}", "/price/volume/0/factor")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 1, \"factor\": 0.9, \"to\": 2}]}", "/price/volume/0/to")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 5, \"factor\": 0.9}, {\"from\": 5, \"factor\": 0.8}]}", "/price/volume/1/from")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 5, \"factor\": 0.9}, {\"from\": 4, \"factor\": 0.8}]}", "/price/volume/1/from")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 5, \"factor\": 0.9}, {\"from\": 6, \"factor\": 0.9}]}", "/price/volume/1/factor")]
    [InlineData("price", "{\"base\": \"1\", \"perMegabyte\": \"0\", \"perGigafuel\": \"0\", \"volume\": [{\"from\": 5, \"factor\": 0.9}, {\"from\": 6}, {\"from\": 7, \"factor\": 0.95}]}", "/price/volume/2/factor")]
    [InlineData("royalties", "[{\"share\": 0.1}]", "/royalties/0/to")]
    [InlineData("royalties", "[{\"share\": 0.1, \"to\": \"ada\", \"agent\": \"ada/base@1.0.0\"}]", "/royalties/0/agent")]
    [InlineData("royalties", "[{\"share\": 0.1, \"agent\": \"ada/base\"}]", "/royalties/0/agent")]
    [InlineData("royalties", "[{\"share\": 0, \"to\": \"ada\"}]", "/royalties/0/share")]
    [InlineData("royalties", "[{\"share\": 0.0001, \"to\": \"ada\"}]", "/royalties/0/share")]
    [InlineData("royalties", "[{\"share\": 0.6, \"to\": \"ada\"}, {\"share\": 0.401, \"to\": \"ben\"}]", "/royalties")]
    [InlineData("royalties", "[{\"share\": 0.6, \"to\": \"ada\", \"percent\": 60}]", "/royalties/0/percent")]
    [InlineData("limit", "{}", "/limit")]
    [InlineData("a/b~", "1", "/a~1b~0")]
    public void Read_OneFault_IsRefusedWhereItIs(string member, string json, string pointer)
    {
        var document = JsonNode.Parse(Good)!.AsObject();
        document[member] = JsonNode.Parse(json);
        Read(document.ToJsonString()).Refusal.ShouldNotBeNull().Errors.Select(error => error.Pointer).ShouldContain(pointer);
    }

    [Theory]
    [InlineData("", 1_000, 1_000, 1_000, null)]
    [InlineData(""","tiers":{"background":0.5,"urgent":10}""", 500, 1_000, 10_000, null)]
    [InlineData(""","tiers":{"high":1.125}""", 1_000, 1_125, 1_000, null)]
    [InlineData(""","tiers":{},"demand":{"max":2.5,"capacity":16}""", 1_000, 1_000, 1_000, "2500 0 16")]
    [InlineData(""","demand":{"max":1e1,"capacity":1,"from":0.999}""", 1_000, 1_000, 1_000, "10000 999 1")]
    [InlineData(""","tiers":null,"demand":null""", 1_000, 1_000, 1_000, null)]
    public void Read_Factors_GivesPartsPerThousand(string members, int background, int high, int urgent, string? demand)
    {
        var factors = Read(Good.Replace("\"0.5\" }", "\"0.5\"" + members + " }", StringComparison.Ordinal)).Value.Factors;

        (factors.Background, factors.High, factors.Urgent).ShouldBe((background, high, urgent));
        (factors.Demand is { } given ? $"{given.Most} {given.From} {given.Capacity}" : null).ShouldBe(demand);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData(""","volume":null""", null)]
    [InlineData(""","volume":[{"from":1,"factor":0.999}]""", "1 999")]
    [InlineData(""","volume":[{"from":1000,"factor":9e-1},{"from":1000000000,"factor":0.1}]""", "1000 900, 1000000000 100")]
    public void Read_Volume_GivesPartsPerThousand(string members, string? tiers)
    {
        var factors = Read(Good.Replace("\"0.5\" }", "\"0.5\"" + members + " }", StringComparison.Ordinal)).Value.Factors;

        (factors.Volume is { } given ? string.Join(", ", given.Tiers.Select(tier => $"{tier.From} {tier.Factor}")) : null).ShouldBe(tiers);
    }

    [Fact]
    public void Read_TiersOfVolumeInDisorder_TellsEachFault()
    {
        var document = JsonNode.Parse(Good)!.AsObject();
        document["price"]!["volume"] = JsonNode.Parse("""[{ "from": 10, "factor": 0.5 }, { "from": 10, "factor": 0.5 }, { "from": 0, "factor": 2, "upTo": 3 }, { "from": 9, "factor": 0.6 }]""");

        Read(document.ToJsonString()).Refusal.ShouldNotBeNull().Errors.Select(error => error.Pointer).ShouldBe(
            ["/price/volume/1/from", "/price/volume/1/factor", "/price/volume/2/from", "/price/volume/2/factor", "/price/volume/2/upTo", "/price/volume/3/from", "/price/volume/3/factor"]);
    }

    [Fact]
    public void Read_ManyFaults_TellsAllOfThem()
    {
        var document = JsonNode.Parse(Good)!.AsObject();
        document["name"] = "X";
        document["version"] = "one";
        document["limits"]!["fuel"] = -1;
        document["surprise"] = true;
        Read(document.ToJsonString()).Refusal.ShouldNotBeNull().Errors.Select(error => error.Pointer)
            .ShouldBe(["/name", "/version", "/limits/fuel", "/surprise"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"name\": \"aa\", \"name\": \"bb\"}")]
    [InlineData("{\"name\": ")]
    [InlineData("{\"description\": \"\\ud800\"}")]
    [InlineData("{\"\\ud800\": 1}")]
    public void Read_NoManifestAtAll_IsRefused(string text) => Read(text).Refusal.ShouldNotBeNull().Errors.ShouldNotBeEmpty();

    [Fact]
    public void Read_DeepNesting_IsRefused() =>
        Read(new string('[', 100_000)[..60_000]).Refusal.ShouldNotBeNull();

    [Fact]
    public void Read_TooManyBytes_IsRefusedUnread() =>
        Read(Good + new string(' ', ManifestReader.MaxBytes)).Refusal.ShouldNotBeNull().Errors[0].Reason.ShouldContain("65,536");

    private static string Using(string uses) => Good.TrimEnd().TrimEnd('}') + $", \"uses\": [{uses}] }}";

    private static Outcome<AgentManifest, PublishRefusal> Read(string json) => ManifestReader.Read(Encoding.UTF8.GetBytes(json));
}
