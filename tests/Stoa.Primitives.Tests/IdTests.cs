using System.Text.Json;
using System.Text.Json.Serialization;
using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class IdTests
{
    private const string Text = "ship_01h455vb4pex5vsknk084sn02q";

    [Fact]
    public void Parse_OwnPrefix_GivesTheId()
    {
        var id = Id<Ship>.Parse(Text);
        id.Uuid.ShouldBe(Guid.Parse("01890a5d-ac96-774b-bcce-b302099a8057"));
        id.ToString().ShouldBe(Text);
        id.ToTypeId().ShouldBe(TypeId.Parse(Text));
        id.IsEmpty.ShouldBeFalse();
        default(Id<Ship>).IsEmpty.ShouldBeTrue();
    }

    [Theory]
    [InlineData("crew_01h455vb4pex5vsknk084sn02q")]
    [InlineData("01h455vb4pex5vsknk084sn02q")]
    [InlineData("ships_01h455vb4pex5vsknk084sn02q")]
    [InlineData("ship_01h455vb4pex5vsknk084sn02")]
    [InlineData("ship_81h455vb4pex5vsknk084sn02q")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a8057")]
    [InlineData("")]
    public void Parse_AnythingElse_IsRefused(string text)
    {
        Id<Ship>.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => Id<Ship>.Parse(text)).Message.ShouldContain("ship_");
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<Id<Ship>>(JsonSerializer.Serialize(text)));
    }

    [Fact]
    public void TryFormat_WritesTheTextAsUtf8_OrNothing()
    {
        var utf8 = new byte[Text.Length + 3];

        Id<Ship>.Parse(Text).TryFormat(utf8, out var written).ShouldBeTrue();
        System.Text.Encoding.UTF8.GetString(utf8[..written]).ShouldBe(Text);
        Id<Ship>.Parse(Text).TryFormat(utf8.AsSpan(0, Text.Length - 1), out written).ShouldBeFalse();
        written.ShouldBe(0);
    }

    [Fact]
    public void ParsableInterface_OfAnId_Parses()
    {
        Parsed<Id<Ship>>(Text).ShouldBe(Id<Ship>.Parse(Text));
        Id<Ship>.TryParse(null, null, out _).ShouldBeFalse();

        static T Parsed<T>(string text) where T : IParsable<T>
        {
            T.TryParse(text, null, out var tried).ShouldBeTrue();
            T.Parse(text, null).ShouldBe(tried);
            return tried!;
        }
    }

    [Fact]
    public void Text_AnyUuid_ComesBackInOrder() =>
        Prop.ForAll((Guid left, Guid right) =>
        {
            var (a, b) = (new Id<Ship>(left), new Id<Ship>(right));
            return Id<Ship>.Parse(a.ToString()) == a
                && Math.Sign(a.CompareTo(b)) == Math.Sign(string.CompareOrdinal(a.ToString(), b.ToString()))
                && (a < b) == (b > a) && (a <= b) == (b >= a);
        }).ShouldHold();

    [Fact]
    public void Json_Ids_AreStringsAndMemberNames()
    {
        var fleet = new Fleet(Id<Ship>.Parse(Text), null, new() { [Id<Ship>.Parse(Text)] = Money.Zero });
        var json = JsonSerializer.Serialize(fleet);
        json.ShouldBe("{\"Flag\":\"" + Text + "\",\"Reserve\":null,\"Costs\":{\"" + Text + "\":\"0.000000000\"}}");
        JsonSerializer.Deserialize<Fleet>(json)!.Flag.ShouldBe(fleet.Flag);

        // The source generator of another assembly has to reach the converters, too.
        JsonSerializer.Serialize(fleet, FleetJson.Default.Fleet).ShouldBe(json);
        JsonSerializer.Deserialize(json, FleetJson.Default.Fleet)!.Costs.ShouldBe(fleet.Costs);
    }
}

public sealed record Ship : IIdentified
{
    public static string IdPrefix => "ship";
}

public sealed record Fleet(Id<Ship> Flag, Id<Ship>? Reserve, Dictionary<Id<Ship>, Money> Costs);

[JsonSerializable(typeof(Fleet))]
public sealed partial class FleetJson : JsonSerializerContext;
