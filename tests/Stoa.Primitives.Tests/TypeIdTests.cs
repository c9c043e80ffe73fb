using System.Text.Json;
using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class TypeIdTests
{
    // The TypeID specification 0.3, spec/valid.json.
    public static TheoryData<string, string, string> Valid => new()
    {
        { "00000000000000000000000000", "", "00000000-0000-0000-0000-000000000000" },
        { "00000000000000000000000001", "", "00000000-0000-0000-0000-000000000001" },
        { "0000000000000000000000000a", "", "00000000-0000-0000-0000-00000000000a" },
        { "0000000000000000000000000g", "", "00000000-0000-0000-0000-000000000010" },
        { "00000000000000000000000010", "", "00000000-0000-0000-0000-000000000020" },
        { "7zzzzzzzzzzzzzzzzzzzzzzzzz", "", "ffffffff-ffff-ffff-ffff-ffffffffffff" },
        { "prefix_0123456789abcdefghjkmnpqrs", "prefix", "0110c853-1d09-52d8-d73e-1194e95b5f19" },
        { "prefix_01h455vb4pex5vsknk084sn02q", "prefix", "01890a5d-ac96-774b-bcce-b302099a8057" },
        { "pre_fix_00000000000000000000000000", "pre_fix", "00000000-0000-0000-0000-000000000000" },
    };

    // The TypeID specification 0.3, spec/invalid.json, and a few of our own at the end.
    public static TheoryData<string> Invalid =>
    [
        "PREFIX_00000000000000000000000000",
        "12345_00000000000000000000000000",
        "pre.fix_00000000000000000000000000",
        "préfix_00000000000000000000000000",
        "  prefix_00000000000000000000000000",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl_00000000000000000000000000",
        "_00000000000000000000000000",
        "_",
        "prefix_1234567890123456789012345",
        "prefix_123456789012345678901234567",
        "prefix_1234567890123456789012345 ",
        "prefix_0123456789ABCDEFGHJKMNPQRS",
        "prefix_123456789-123456789-123456",
        "prefix_ooooooiiiiiiuuuuuuulllllll",
        "prefix_i23456789ol23456789oi23456",
        "prefix_123456789-0123456789-0123456",
        "prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "_prefix_00000000000000000000000000",
        "prefix__00000000000000000000000000",
        "",
        "prefix",
        "prefix_",
        "8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "prefix_00000000000000000000000000\n",
    ];

    [Theory, MemberData(nameof(Valid))]
    public void Parse_PublishedValidId_GivesItsParts(string text, string prefix, string uuid)
    {
        var id = TypeId.Parse(text);
        id.Prefix.ShouldBe(prefix);
        id.Uuid.ShouldBe(Guid.Parse(uuid));
        id.ToString().ShouldBe(text);
        id.ShouldBe(new TypeId(prefix, Guid.Parse(uuid)));
    }

    [Theory, MemberData(nameof(Invalid))]
    public void Parse_PublishedInvalidId_IsRefused(string text)
    {
        TypeId.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => TypeId.Parse(text)).Message.ShouldContain("TypeID");
        Should.Throw<JsonException>(() => JsonSerializer.Deserialize<TypeId>(JsonSerializer.Serialize(text)));
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("_a")]
    [InlineData("a_")]
    [InlineData("a1")]
    public void Constructor_BadPrefix_IsRefused(string prefix) =>
        Should.Throw<ArgumentException>(() => new TypeId(prefix, Guid.Empty));

    [Fact]
    public void Prefix_Of63Characters_IsTheLongest()
    {
        TypeId.Parse(new TypeId(new string('a', 63), Guid.Empty).ToString()).Prefix.Length.ShouldBe(63);
        Should.Throw<ArgumentException>(() => new TypeId(new string('a', 64), Guid.Empty));
    }

    [Fact]
    public void Default_Id_EqualsTheNilId()
    {
        TypeId.Parse("00000000000000000000000000").ShouldBe(default);
        default(TypeId).ToString().ShouldBe("00000000000000000000000000");
    }

    [Fact]
    public void Text_AnyUuid_ComesBack() =>
        Prop.ForAll((Guid uuid) => TypeId.Parse(new TypeId("task", uuid).ToString()) == new TypeId("task", uuid))
            .ShouldHold();

    [Fact]
    public void Order_OfIds_IsTheOrderOfTheirText() =>
        Prop.ForAll((Guid left, Guid right) =>
        {
            var (a, b) = (new TypeId("task", left), new TypeId("task", right));
            return Math.Sign(a.CompareTo(b)) == Math.Sign(string.CompareOrdinal(a.ToString(), b.ToString()))
                && (a < b) == (b > a) && (a <= b) == (b >= a);
        }).ShouldHold();

    [Fact]
    public void Order_OfPrefixes_ComesFirst() =>
        new TypeId("agent", Guid.AllBitsSet).ShouldBeLessThan(new TypeId("task", Guid.Empty));

    [Fact]
    public void Json_Id_IsAString()
    {
        var id = TypeId.Parse("prefix_01h455vb4pex5vsknk084sn02q");
        JsonSerializer.Serialize(id).ShouldBe("\"prefix_01h455vb4pex5vsknk084sn02q\"");
        JsonSerializer.Deserialize<TypeId>(JsonSerializer.Serialize(id)).ShouldBe(id);
    }
}
