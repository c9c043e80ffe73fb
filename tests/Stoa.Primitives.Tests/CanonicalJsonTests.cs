using System.Text;

namespace Stoa.Primitives.Tests;

public sealed class CanonicalJsonTests
{
    [Theory]
    [InlineData("{ \"b\" : 1, \"a\" : [ true, false, null ] }", "{\"a\":[true,false,null],\"b\":1}")]
    [InlineData("\"\\u00e9\\/\\u20ac\\u2028\"", "\"é/€\u2028\"")]
    [InlineData("\"\\u0000\\u001F\\b\\t\\n\\f\\r\\\"\\\\\\u007f\"", "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\\u007f\"")]
    [InlineData("\"\\ud83d\\ude00\"", "\"\U0001F600\"")]
    [InlineData("[-0, 9007199254740991, -9007199254740991]", "[0,9007199254740991,-9007199254740991]")]
    // By UTF-16 code units: a surrogate comes before U+FB33.
    [InlineData("{\"\\ufb33\":1,\"\\ud83d\\ude00\":2,\"1\":3,\"\":4}", "{\"\":4,\"1\":3,\"\U0001F600\":2,\"\ufb33\":1}")]
    [InlineData("{}", "{}")]
    [InlineData("[]", "[]")]
    public void Write_AnySpelling_GivesTheOne(string json, string canonical)
    {
        Encoding.UTF8.GetString(CanonicalJson.Write(Encoding.UTF8.GetBytes(json))).ShouldBe(canonical);
        Encoding.UTF8.GetString(CanonicalJson.Write(Encoding.UTF8.GetBytes(canonical))).ShouldBe(canonical);
    }

    [Theory]
    [InlineData("1.5")]
    [InlineData("1e3")]
    [InlineData("9007199254740992")]
    [InlineData("99999999999999999999")]
    [InlineData("\"\\ud800\"")]
    [InlineData("{\"\\udc00\":1}")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{\"a\":1,\"\\u0061\":2}")]
    [InlineData("[1,]")]
    [InlineData("")]
    public void Write_WhatHasNoSuchForm_IsRefused(string json) =>
        Should.Throw<FormatException>(() => CanonicalJson.Write(Encoding.UTF8.GetBytes(json)));
}
