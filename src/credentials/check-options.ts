import { MigrationError } from "../errors.js";

/** Tenants that stand for many: an application signs in to one. */
const NO_TENANT = new Set(["common", "organizations", "consumers"]);

/** A tenant's id or one of its domains. */
export function checkTenantId(tenantId: unknown, who: "application" | "person"): void {
  if (typeof tenantId !== "string" || !/^[\w-]+(\.[\w-]+)*$/.test(tenantId)) {
    throw new MigrationError("option-invalid", "tenantId must be the id of a tenant or one of its domains");
  }
  if (who === "application" && NO_TENANT.has(tenantId.toLowerCase())) {
    throw new MigrationError("option-invalid", `An application signs in to one tenant, not to "${tenantId}"`);
  }
}

export function checkText(name: string, value: unknown): void {
  if (typeof value !== "string" || value.trim() === "") {
    throw new MigrationError("option-invalid", `${name} must be a text that is not empty`);
  }
}
