"""Salesforce's way of saying no: an array of code and message, with the message in the user's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MESSAGES: Mapping[str, tuple[str, str]] = {
    "session": ("Session expired or invalid", "La sesión ha caducado o no es válida"),
    "not_found": ("The requested resource does not exist", "El recurso solicitado no existe"),
    "no_such_id": (
        "Provided external ID field does not exist or is not accessible: {id}",
        "El campo de Id. externo proporcionado no existe o no es accesible: {id}",
    ),
    "method": ("HTTP Method '{method}' not allowed. Allowed are {allowed}",) * 2,
    "json": ("Unexpected content at the place of the request body", "Contenido inesperado en la solicitud"),
    "deleted": ("entity is deleted", "la entidad se ha eliminado"),
    "reference": ("invalid cross reference id", "id. de referencia cruzada no válido"),
    "malformed_id": (
        "{object} ID: id value of incorrect type: {id}",
        "Id. de {object}: tipo de valor incorrecto: {id}",
    ),
    "no_id": ("Id not specified in an update call", "No se ha especificado el Id. en la actualización"),
    "no_column": ("No such column '{field}' on sobject of type {object}",) * 2,
    "read_only": (
        "Unable to create/update fields: {field}. The security settings of the field do not allow it.",
        "No se pueden crear o actualizar los campos: {field}. Lo impide la seguridad del campo.",
    ),
    "too_long": (
        "{label}: data value too large: {value} (max length={max})",
        "{label}: valor de datos demasiado grande: {value} (max length={max})",
    ),
    "email": ("{label}: invalid email address: {value}", "{label}: correo electrónico no válido: {value}"),
    "picklist": (
        "{label}: bad value for restricted picklist field: {value}",
        "{label}: valor incorrecto para la lista restringida: {value}",
    ),
    "json_type": (
        "Cannot deserialize a value of that kind as {type} for {field}",
        "No se puede leer el valor como {type} en {field}",
    ),
    "required": ("Required fields are missing: [{field}]", "Faltan campos obligatorios: [{field}]"),
    "no_records": ("At least 1 record is required", "Se requiere al menos 1 registro"),
    "too_many": (
        "record limit reached. cannot submit more than {max} records into this call",
        "se alcanzó el límite: no más de {max} registros por llamada",
    ),
    "chunks": (
        "The records are of more than {max} runs of one type each",
        "Los registros forman más de {max} grupos de un tipo",
    ),
    "rolled_back": (
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
        "Registro revertido porque no todos eran válidos y la solicitud usaba AllOrNone",
    ),
    "halted": (
        "The transaction was rolled back since another operation in the same transaction failed.",
        "Se revirtió la transacción porque falló otra operación.",
    ),
    "locked_row": (
        "unable to obtain exclusive access to this record or 1 records: {id}",
        "no se pudo obtener acceso exclusivo a este registro: {id}",
    ),
    "approval": ("the entity is locked for editing", "la entidad está bloqueada para su edición"),
    "converted": (
        "cannot reference converted lead",
        "no se puede hacer referencia a un candidato convertido",
    ),
    "access": (
        "insufficient access rights on object id",
        "derechos de acceso insuficientes en el id. del objeto",
    ),
    "access_reference": (
        "insufficient access rights on cross-reference id: {id}",
        "derechos insuficientes en el id. de referencia cruzada: {id}",
    ),
    "duplicates": (
        "Use one of these records? There is one that looks the same.",
        "¿Desea utilizar uno de estos registros? Hay uno que parece igual.",
    ),
    "twice": ("duplicate id in list: {id}", "id. duplicado en la lista: {id}"),
    "precondition": (
        "The record was changed after the time of the precondition",
        "El registro cambió después de la hora indicada",
    ),
    "bad_date": ("The date of the header {header} cannot be read", "No se puede leer la fecha de {header}"),
    "locator": ("invalid query locator", "localizador de consulta no válido"),
    "total_requests": ("TotalRequests Limit exceeded.", "Se superó el límite de TotalRequests."),
    "concurrent": (
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        "Se superó el límite de ConcurrentRequests.",
    ),
    "replication": ("{why}", "{why}"),
    "said": ("{text}", "{text}"),
}


class Problem:
    """One thing that is wrong, in whatever language it will be told."""

    __slots__ = ("args", "code", "fields", "key")

    def __init__(self, code: str, key: str, fields: Sequence[str] = (), **args: object) -> None:
        self.code, self.key, self.fields, self.args = code, key, list(fields), args

    def text(self, language: str = "en_US") -> str:
        """The message as this user is shown it."""
        return MESSAGES[self.key][language.startswith("es")].format(**self.args)

    def error(self, language: str, with_fields: bool = False) -> dict[str, Any]:
        """As it stands in an answer of its own."""
        shown: dict[str, Any] = {"message": self.text(language), "errorCode": self.code}
        if with_fields or self.fields:
            shown["fields"] = self.fields
        return shown

    def item(self, language: str) -> dict[str, Any]:
        """As it stands in the `errors` of one record of a collection: with `statusCode`; [R]."""
        return {"statusCode": self.code, "message": self.text(language), "fields": self.fields}


class Refused(Exception):
    """A request, or one record of it, that is not carried out."""

    def __init__(self, status: int, *problems: Problem, with_fields: bool = False) -> None:
        super().__init__(problems[0].code if problems else status)
        self.status, self.problems, self.with_fields = status, problems, with_fields

    def body(self, language: str) -> list[dict[str, Any]]:
        """The answer's array."""
        return [p.error(language, self.with_fields) for p in self.problems]


def refused(status: int, code: str, key: str, fields: Sequence[str] = (), **args: object) -> Refused:
    """A refusal of one problem."""
    return Refused(status, Problem(code, key, fields, **args))


def said(status: int, code: str, text: str) -> Refused:
    """A refusal whose words are the same in every language."""
    return Refused(status, Problem(code, "said", text=text))


def no_such_resource() -> Refused:
    """The 404 of a path that does not exist."""
    return refused(404, "NOT_FOUND", "not_found")
